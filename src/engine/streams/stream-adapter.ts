/**
 * A connection that is read as a stream. The stream is its only reader: it receives the data, and decides when our side
 * ends. The connection's own handlers are called for everything else as before.
 */

import type { Buffer } from 'node:buffer';
import { OperationError } from '../../base/errors.js';
import { queueMicrotask } from '../../base/runtime.js';
import { inCallersContext } from '../../port/async-context.js';
import type { CloseReason } from '../close-reasons.js';
import { close, whyClosed, writeAfterEnd } from '../connection-core/close.js';
import type { HandlerName, HandlerTable } from '../connection-core/handler-table.js';
import { destroy, linger } from '../connection-core/linger.js';
import { type ConnectionRecord, type StreamSink, sideOf } from '../connection-core/record.js';
import { append, end } from '../connection-core/send.js';
import {
  CLOSED,
  CLOSING,
  END_EMITTED,
  FIN_REQUESTED,
  FIN_SENT,
  NEEDS_FLUSH,
  STREAMED,
  TRUNCATED,
} from '../connection-core/state.js';
import { checkPayload, type Payload } from '../writing/payload.js';
import { StreamWrite } from './stream-write.js';

/** Bytes that a stream keeps for its reader before it pauses the connection. */
export const READ_AHEAD_BYTES_MAX = 64 * 1024;
/** The same in pieces: a peer may send its bytes one by one, and each piece takes a hundred bytes and more besides its own. */
export const READ_AHEAD_PIECES_MAX = 256;

/** Events that a connection reports to its stream. */
export interface ConnectionStream {
  /** Bytes were received; the stream may use them during the call only. */
  received(chunk: Buffer): void;
  /** The peer has ended its stream. */
  peerEnded(): void;
  /** The connection is closed. @param finished whether both sides had ended; if not, it failed with the error, or was closed */
  connectionClosed(error: Error | undefined, finished: boolean): void;
}

type Done = (error?: Error) => void;

/** The reader of the connection, if it has one. */
function readerOf({ flags, messages, handlers }: ConnectionRecord): string | undefined {
  if ((flags & STREAMED) !== 0) {
    return 'a stream that was made of it';
  }
  if (messages !== undefined) {
    return 'its framing';
  }
  return handlers.data === undefined ? undefined : 'its handler data';
}

/** The handlers of a connection that a stream reads. */
export class Streaming implements HandlerTable<ConnectionRecord>, StreamSink {
  readonly connection: ConnectionRecord;
  readonly #stream: ConnectionStream;
  readonly #own: HandlerTable<ConnectionRecord>;
  /** The pending write. */
  #write: StreamWrite | undefined;
  #whenFinished: Done | undefined;

  /** @throws OperationError `ERR_ALREADY_READ` */
  constructor(connection: ConnectionRecord, stream: ConnectionStream) {
    const reader = readerOf(connection);
    if (reader !== undefined) {
      const reason = `The connection has a reader already: ${reader}`;
      throw new OperationError({ code: 'ERR_ALREADY_READ', reason, syscall: 'read' });
    }
    this.connection = connection;
    this.#stream = stream;
    this.#own = connection.handlers;
    connection.flags |= STREAMED;
    const side = sideOf(connection);
    side.handlers = this;
    side.stream = this;
    // Events from before the stream existed. Later than its constructor, which is still running.
    if ((connection.flags & END_EMITTED) !== 0) {
      queueMicrotask(() => stream.peerEnded());
    }
    if ((connection.flags & CLOSED) !== 0) {
      queueMicrotask(() => this.#over());
    }
  }

  data(_connection: ConnectionRecord, chunk: Buffer): void {
    this.#stream.received(chunk);
  }

  end(connection: ConnectionRecord): unknown {
    this.#stream.peerEnded();
    return this.#own.end?.(connection);
  }

  drain(connection: ConnectionRecord): unknown {
    return this.#own.drain?.(connection);
  }

  /** The stream goes on until it ends by itself: only the program knows whether an answer is in progress. */
  serverClosing(connection: ConnectionRecord): unknown {
    return this.#own.serverClosing?.(connection);
  }

  /** Without a handler of the program, only the stream gets the error. */
  error(connection: ConnectionRecord, error: Error, handler: HandlerName | undefined): unknown {
    return this.#own.error?.(connection, error, handler);
  }

  close(connection: ConnectionRecord, reason: CloseReason): unknown {
    this.#over();
    return this.#own.close?.(connection, reason);
  }

  /** There is room for more of the pending write. */
  flushed(): void {
    this.#goOn();
  }

  /** The FIN was sent. */
  finished(): void {
    const done = this.#whenFinished;
    this.#whenFinished = undefined;
    done?.();
  }

  #over(): void {
    const { ending } = this.connection;
    this.#stream.connectionClosed(ending?.error, ending?.reason === 'finished');
    // Callbacks that wait are called after the stream, which has learnt of the close by then.
    const waiting = [this.#write?.done, this.#whenFinished];
    this.#write = undefined;
    this.#whenFinished = undefined;
    for (const done of waiting) {
      done?.(this.whyClosed());
    }
  }

  /** The error of whatever waits for a connection that is closed. */
  whyClosed(): Error {
    return whyClosed(this.connection);
  }

  /**
   * Writes for a stream, which writes one thing at a time, of any size: the connection is given a piece whenever it has
   * room, as a stream waits for its callback and so has no other way to be held up.
   * @param pieces they are this write's from now on
   * @param done called when the bytes are the caller's again and the connection wants more
   */
  write(pieces: Payload[], done: Done): void {
    const { connection } = this;
    if ((connection.flags & (FIN_REQUESTED | CLOSING)) === FIN_REQUESTED) {
      // Also where the peer's end brought it about: there the connection drops what is written, and returns false.
      done(writeAfterEnd());
      return;
    }
    try {
      pieces.forEach(checkPayload);
      this.#write = new StreamWrite(pieces, done);
    } catch (error) {
      done(error as Error);
      return;
    }
    this.#goOn();
    if (this.#write !== undefined) {
      // It waits, and a round of the engine will call back.
      this.#write.done = inCallersContext(done);
    }
  }

  /** Passes more of the pending write to the connection, as far as there is room. */
  #goOn(): void {
    const { connection } = this;
    const write = this.#write;
    if (write === undefined) {
      return;
    }
    let error: Error | undefined;
    try {
      while ((connection.flags & CLOSING) === 0) {
        const piece = write.next(connection);
        if (piece === undefined) {
          break;
        }
        append(connection, piece);
      }
    } catch (thrown) {
      error = thrown as Error;
      this.truncate();
    }
    if ((connection.flags & CLOSING) !== 0) {
      error ??= this.whyClosed();
    }
    if (error === undefined && !write.isTaken(connection)) {
      connection.flags |= NEEDS_FLUSH;
      connection.group.engine.port.mindSends();
      return;
    }
    this.#write = undefined;
    write.done(error);
  }

  /** Ends our side for a stream. @param done called when the FIN was sent */
  finish(done: Done): void {
    const { connection } = this;
    if ((connection.flags & FIN_SENT) !== 0) {
      done();
    } else if ((connection.flags & CLOSING) !== 0) {
      done(this.whyClosed());
    } else {
      this.#whenFinished = inCallersContext(done);
      end(connection);
    }
  }

  /**
   * Destroys the connection for a stream. What the stream has taken is sent before, in the linger time of the connection.
   * @param left data that waits in the stream itself; its memory must not change
   */
  destroy(error: Error | undefined, left: readonly Payload[] = []): void {
    const { connection } = this;
    const open = (connection.flags & (FIN_REQUESTED | CLOSING)) === 0 && connection.group.limits.lingerMs !== 0;
    if (open && (this.#write?.ended === false || left.length > 0)) {
      this.#write ??= new StreamWrite([], () => undefined);
      this.#write.add(left);
      linger(connection, error);
      this.#goOn();
    } else {
      destroy(connection, error);
    }
  }

  /** The stream is truncated: the peer must not take the close of the connection for its end. */
  truncate(): void {
    this.connection.flags |= TRUNCATED;
  }

  /** Closes the connection with a reset: nothing more of the stream is sent. */
  abort(error: Error | undefined): void {
    this.truncate();
    close(this.connection, 'destroyed', error);
  }

  /** The reader has read everything up to the peer's end: our side ends too, unless `allowHalfOpen`. */
  readToTheEnd(): void {
    const { flags, group } = this.connection;
    if (!group.limits.allowHalfOpen && (flags & (FIN_REQUESTED | CLOSING)) === 0) {
      end(this.connection);
    }
  }
}
