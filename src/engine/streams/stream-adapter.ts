/**
 * A connection that is read as a stream. The stream is its only reader: it receives the data, and decides when our side
 * ends. The connection's own handlers are called for everything else as before.
 */

import type { Buffer } from 'node:buffer';
import { queueMicrotask } from '../../base/runtime.js';
import { inCallersContext } from '../../port/async-context.js';
import { close, whyClosed, writeAfterEnd } from '../connection-core/close.js';
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
  TRUNCATED,
} from '../connection-core/state.js';
import { checkPayload, type Payload } from '../writing/payload.js';
import { StreamHandlers } from './stream-handlers.js';
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

/** The handlers of a connection that a stream reads. */
export class Streaming extends StreamHandlers implements StreamSink {
  readonly connection: ConnectionRecord;
  readonly #stream: ConnectionStream;
  /** The pending write. */
  #write: StreamWrite | undefined;
  #whenWritten: Done | undefined;
  #whenFinished: Done | undefined;

  /** @throws OperationError `ERR_ALREADY_READ` */
  constructor(connection: ConnectionRecord, stream: ConnectionStream) {
    super(connection);
    this.connection = connection;
    this.#stream = stream;
    sideOf(connection).stream = this;
    // Events from before the stream existed. Later than its constructor, which is still running.
    if ((connection.flags & END_EMITTED) !== 0) {
      queueMicrotask(() => stream.peerEnded());
    }
    if ((connection.flags & CLOSED) !== 0) {
      queueMicrotask(() => this.closed());
    }
  }

  data(_connection: ConnectionRecord, chunk: Buffer): void {
    this.#stream.received(chunk);
  }

  protected peerEnded(): void {
    this.#stream.peerEnded();
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

  protected closed(): void {
    const { ending } = this.connection;
    this.#stream.connectionClosed(ending?.error, ending?.reason === 'finished');
    // Callbacks that wait are called after the stream, which has learnt of the close by then.
    const waiting = [this.#whenWritten, this.#whenFinished];
    this.#write = undefined;
    this.#whenWritten = undefined;
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
   * Writes for a stream, which writes one payload at a time, of any size: the connection is given a part whenever it has
   * room, as a stream waits for its callback and so has no other way to be held up.
   * @param done called when the bytes are the caller's again and the connection wants more
   */
  write(data: Payload, done: Done): void {
    const { connection } = this;
    if ((connection.flags & (FIN_REQUESTED | CLOSING)) === FIN_REQUESTED) {
      // Also where the peer's end brought it about: there the connection drops what is written, and returns false.
      done(writeAfterEnd());
      return;
    }
    try {
      checkPayload(data);
      this.#write = new StreamWrite([data]);
    } catch (error) {
      done(error as Error);
      return;
    }
    this.#whenWritten = done;
    this.#goOn();
    if (this.#whenWritten !== undefined) {
      // It waits, and a round of the engine will call back.
      this.#whenWritten = inCallersContext(done);
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
      connection.flags |= TRUNCATED;
    }
    if ((connection.flags & CLOSING) !== 0) {
      error ??= this.whyClosed();
    }
    if (error === undefined && !write.isTaken(connection)) {
      connection.flags |= NEEDS_FLUSH;
      connection.group.engine.port.mindSends();
      return;
    }
    const done = this.#whenWritten;
    this.#write = undefined;
    this.#whenWritten = undefined;
    done?.(error);
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

  /** Destroys the connection for a stream. Bytes that the stream has taken are sent before, in the linger time of the connection. */
  destroy(error: Error | undefined): void {
    const { connection } = this;
    const open = (connection.flags & (FIN_REQUESTED | CLOSING)) === 0 && connection.group.limits.lingerMs !== 0;
    if (open && this.#write?.ended === false) {
      linger(connection, error);
      this.#goOn();
    } else {
      destroy(connection, error);
    }
  }

  /** Closes the connection with a reset, as the peer must not take the close for the end of the stream. */
  abort(error: Error | undefined): void {
    this.connection.flags |= TRUNCATED;
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
