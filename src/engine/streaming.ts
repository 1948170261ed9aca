/**
 * A connection that is read as a stream. The stream is its one reader: from then on it has the data, and decides when our
 * side ends. The connection's own handlers are told everything else as before.
 */

import type { Buffer } from 'node:buffer';
import { OperationError } from '../drivers/error.js';
import { queueMicrotask } from '../runtime.js';
import type { CloseReason } from './close-reasons.js';
import type { Connection } from './connection.js';
import { CLOSED, CLOSING, END_TOLD, ENDING, NEEDS_FLUSH, SHUT, STREAMED } from './flags.js';
import type { HandlerName, Handlers } from './handlers.js';
import { writeAfterEnd } from './sending.js';
import { COPY_BYTES_MAX } from './write-queue.js';

/** What a stream keeps for its reader before it pauses the connection. */
export const READ_AHEAD_BYTES_MAX = 64 * 1024;

/** What a connection tells its stream. */
export interface ConnectionStream {
  /** Bytes have come; they are the stream's during the call only. */
  received(chunk: Buffer): void;
  /** The peer has ended its stream. */
  peerEnded(): void;
  /** The connection is over. `finished`: both sides had ended; else it failed, if there is an error, or was closed. */
  connectionClosed(error: Error | undefined, finished: boolean): void;
  /** The server is closing, and the connection's own handlers leave it to the stream. */
  serverCloses(): void;
}

type Done = (error?: Error) => void;

/** Whether the connection has bytes of its own once they are written. */
function isCopied(data: Uint8Array | string): boolean {
  return typeof data === 'string' || data.byteLength <= COPY_BYTES_MAX;
}

/** Who reads the connection, if somebody does. */
function readerOf({ flags, messages, handlers }: Connection): string | undefined {
  if ((flags & STREAMED) !== 0) {
    return 'a stream that was made of it';
  }
  if (messages !== undefined) {
    return 'its framing';
  }
  return handlers.data === undefined ? undefined : 'its handler data';
}

/** The handlers of a connection that a stream reads. */
export class Streaming implements Handlers {
  readonly connection: Connection;
  readonly #stream: ConnectionStream;
  readonly #own: Handlers;
  #whenFlushed: Done | undefined;
  #whenFinished: Done | undefined;

  /** @throws OperationError `ERR_ALREADY_READ` */
  constructor(connection: Connection, stream: ConnectionStream) {
    const reader = readerOf(connection);
    if (reader !== undefined) {
      const reason = `The connection has a reader already: ${reader}`;
      throw new OperationError({ code: 'ERR_ALREADY_READ', reason, syscall: 'read' });
    }
    this.connection = connection;
    this.#stream = stream;
    this.#own = connection.handlers;
    connection.flags |= STREAMED;
    connection.handlers = this;
    // What was told before the stream was there; not yet, as its maker is still at work on it.
    if ((connection.flags & END_TOLD) !== 0) {
      queueMicrotask(() => stream.peerEnded());
    }
    if ((connection.flags & CLOSED) !== 0) {
      queueMicrotask(() => this.#over());
    }
  }

  data(_connection: Connection, chunk: Buffer): void {
    this.#stream.received(chunk);
  }

  end(connection: Connection): unknown {
    this.#stream.peerEnded();
    return this.#own.end?.(connection);
  }

  drain(connection: Connection): unknown {
    return this.#own.drain?.(connection);
  }

  shutdown(connection: Connection): unknown {
    return this.#own.shutdown === undefined ? this.#stream.serverCloses() : this.#own.shutdown(connection);
  }

  /** Without an own handler it is the stream's alone. */
  error(connection: Connection, error: Error, handler: HandlerName | undefined): unknown {
    return this.#own.error?.(connection, error, handler);
  }

  close(connection: Connection, reason: CloseReason): unknown {
    this.#over();
    return this.#own.close?.(connection, reason);
  }

  /** All that was written is sent. */
  flushed(): void {
    const done = this.#whenFlushed;
    this.#whenFlushed = undefined;
    done?.();
  }

  /** Our end is out. */
  finished(): void {
    const done = this.#whenFinished;
    this.#whenFinished = undefined;
    done?.();
  }

  #over(): void {
    const { ending } = this.connection;
    this.#stream.connectionClosed(ending?.error, ending?.reason === 'finished');
    // Whoever still waits is told behind the stream, which knows by now that it is over.
    const waiting = [this.#whenFlushed, this.#whenFinished];
    this.#whenFlushed = undefined;
    this.#whenFinished = undefined;
    for (const done of waiting) {
      done?.(this.whyClosed());
    }
  }

  /** For whoever wanted more of a connection that is over. */
  whyClosed(): Error {
    const { ending } = this.connection;
    const reason = `The connection was closed before it had finished: ${ending?.reason}`;
    return ending?.error ?? new OperationError({ code: 'ERR_STREAM_PREMATURE_CLOSE', reason, syscall: 'stream' });
  }

  /**
   * Writes for a stream, which writes one thing at a time.
   * @param done called when the bytes are the caller's again and the connection wants more
   */
  write(pieces: readonly (Uint8Array | string)[], done: Done): void {
    const { connection } = this;
    if ((connection.flags & (ENDING | CLOSING)) === ENDING) {
      // Also where the peer's end brought it about: there the connection drops what is written, and returns false.
      done(writeAfterEnd());
      return;
    }
    let more = true;
    try {
      for (const data of pieces) {
        more = connection.write(data) && isCopied(data) && more;
      }
    } catch (error) {
      done(error as Error);
      return;
    }
    if ((connection.flags & CLOSING) !== 0) {
      done(this.whyClosed());
    } else if (more || connection.queuedBytes === 0) {
      done();
    } else {
      connection.flags |= NEEDS_FLUSH;
      this.#whenFlushed = done;
    }
  }

  /** Ends our side for a stream. @param done called when our end is out */
  finish(done: Done): void {
    const { connection } = this;
    if ((connection.flags & SHUT) !== 0) {
      done();
    } else if ((connection.flags & CLOSING) !== 0) {
      done(this.whyClosed());
    } else {
      this.#whenFinished = done;
      connection.end();
    }
  }

  /** The reader has had everything up to the peer's end: unless our side is to stay open, it ends too. */
  readToTheEnd(): void {
    const { flags, group } = this.connection;
    if (!group.limits.allowHalfOpen && (flags & (ENDING | CLOSING)) === 0) {
      this.connection.end();
    }
  }
}
