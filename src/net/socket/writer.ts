/** The writes of a socket on their way into the queue of its connection: one at a time, of any size. */

import { lengthOf } from '../../base/bytes.js';
import { whyClosed, writeAfterEnd } from '../../engine/connection-core/close.js';
import { linger } from '../../engine/connection-core/linger.js';
import type { ConnectionRecord, StreamSink } from '../../engine/connection-core/record.js';
import { isFull } from '../../engine/connection-core/room.js';
import { append, appendLatin1 } from '../../engine/connection-core/send.js';
import { requestFin } from '../../engine/connection-core/shutdown.js';
import { CLOSING, FIN_REQUESTED, FIN_SENT, NEEDS_FLUSH, STREAMED } from '../../engine/connection-core/state.js';
import { StreamWrite } from '../../engine/streams/stream-write.js';
import { type Payload, UTF8_BYTES_PER_UNIT_MAX } from '../../engine/writing/payload.js';
import { COPY_BYTES_MAX } from '../../engine/writing/write-queue.js';
import { type AsyncContext, callersContext, inCallersContext } from '../../port/async-context.js';
import { callBack } from '../call.js';
import { sendLargeNow } from './send-now.js';

export type Done = (error?: Error | null) => void;

/** A callback of a write, which is due when the connection has sent that many bytes. */
interface Waiting {
  readonly at: number;
  readonly call: Done;
  /** The context that it runs in; undefined for that of the connection, in which the writer is called. */
  readonly context: AsyncContext | undefined;
}

function callWaiting({ call, context }: Waiting, error?: Error): void {
  if (context === undefined) {
    call(error);
  } else {
    context.enter(call, undefined, error);
  }
}

/** A write of at most this size goes into the queue at once: with text each unit counts as three bytes. */
const AT_ONCE_BYTES_MAX = 64 * 1024;

function sizeAtMost(piece: Payload): number {
  return typeof piece === 'string' ? piece.length * UTF8_BYTES_PER_UNIT_MAX : lengthOf(piece);
}

/** Hears what becomes of writes. */
export interface WriterOwner {
  /** A write that had to wait is taken, or has failed. */
  writeTaken(): void;
  /** Nothing is left to be sent. */
  writerIdle(): void;
}

/** Writes and callbacks that wait for the connection. An idle socket has none, as there may be very many; it is used again. */
class Pending {
  /** The rest of a large write. */
  rest: StreamWrite | undefined = undefined;
  done: Done | undefined = undefined;
  whenFinished: Done | undefined = undefined;
  /** Callbacks of writes, in their order. */
  readonly waiting: Waiting[] = [];
}

const spare: Pending[] = [];
const SPARE_MAX = 64;

// Functions that need no closure for each call.

function proceed(writer: SocketWriter): void {
  writer.proceed();
}

function finish(writer: SocketWriter): void {
  writer.ended();
}

export class SocketWriter implements StreamSink {
  readonly #connection: ConnectionRecord;
  #pending: Pending | undefined = undefined;
  readonly #owner: WriterOwner;

  constructor(connection: ConnectionRecord, owner: WriterOwner) {
    this.#connection = connection;
    this.#owner = owner;
    connection.flags |= STREAMED;
  }

  #own(): Pending {
    this.#pending ??= spare.pop() ?? new Pending();
    return this.#pending;
  }

  /** Gives it back, if nothing waits any more. */
  #release(pending: Pending): void {
    const { rest, done, whenFinished, waiting } = pending;
    if (rest === undefined && done === undefined && whenFinished === undefined && waiting.length === 0) {
      this.#pending = undefined;
      if (spare.length < SPARE_MAX) {
        spare.push(pending);
      }
    }
  }

  #dropRest(): void {
    const pending = this.#pending;
    if (pending !== undefined) {
      pending.rest = undefined;
      this.#release(pending);
    }
  }

  /** Whether bytes, or our end, are to be sent. */
  get busy(): boolean {
    const pending = this.#pending;
    const waits = pending !== undefined && (pending.done !== undefined || pending.whenFinished !== undefined);
    return waits || this.#connection.queuedBytes > 0;
  }

  /** Whether small bytes go into the queue at once: nothing of an earlier write waits, and the queue has room. */
  get hasRoom(): boolean {
    const connection = this.#connection;
    const pending = this.#pending;
    return (
      (pending === undefined || (pending.done === undefined && pending.rest === undefined)) &&
      (connection.flags & (FIN_REQUESTED | CLOSING)) === 0 &&
      !connection.group.engine.writes.underPressure &&
      !isFull(connection)
    );
  }

  /** Appends small bytes to the queue, which has room. */
  append(chunk: Payload, encoding: BufferEncoding): void {
    if (encoding === 'latin1' && typeof chunk === 'string') {
      appendLatin1(this.#connection, chunk);
    } else {
      append(this.#connection, chunk);
    }
  }

  /** Grows or shrinks while bytes are being sent; 0 when none are. */
  get progress(): number {
    const { queuedBytes, group, socket } = this.#connection;
    return queuedBytes === 0 ? 0 : queuedBytes + group.engine.port.sendProgress(socket);
  }

  /** Bytes that were written and are not in the queue of the connection yet. */
  get restBytes(): number {
    return this.#pending?.rest?.bytesLeft ?? 0;
  }

  /**
   * Writes. The pieces are this write's from now on.
   * @param done called later, unless this returns true, and at once for an error
   * @returns whether they are taken: their memory is the caller's again, and there is room for more. Small pieces, which are
   * copied, are taken at once while little is queued: the queue is to them what the system's buffer is to node:net
   */
  write(pieces: Payload[], done: Done): boolean {
    const connection = this.#connection;
    if ((connection.flags & (FIN_REQUESTED | CLOSING)) !== 0) {
      done((connection.flags & CLOSING) === 0 ? writeAfterEnd() : whyClosed(connection));
      return false;
    }
    try {
      if (this.#append(sendLargeNow(connection, pieces))) {
        return true;
      }
    } catch (error) {
      this.#dropRest();
      done(error as Error);
      return false;
    }
    this.#own().done = inCallersContext(done);
    this.#wait();
    return false;
  }

  /** Gives the connection pieces, as far as it has room. @returns whether they are taken */
  #append(pieces: Payload[]): boolean {
    const connection = this.#connection;
    let size = 0;
    let copied = true;
    for (const piece of pieces) {
      size += sizeAtMost(piece);
      copied &&= typeof piece === 'string' || lengthOf(piece) <= COPY_BYTES_MAX;
    }
    if (size > AT_ONCE_BYTES_MAX || connection.group.engine.writes.underPressure) {
      this.#own().rest = new StreamWrite(pieces);
      this.#goOn();
      return this.#isTaken();
    }
    for (const piece of pieces) {
      append(connection, piece);
    }
    return connection.queuedBytes === 0 || (copied && !isFull(connection));
  }

  /** Passes more of a large write to the connection, as far as there is room. */
  #goOn(): void {
    const connection = this.#connection;
    const rest = this.#pending?.rest;
    while (rest !== undefined && (connection.flags & CLOSING) === 0) {
      const piece = rest.next(connection);
      if (piece === undefined) {
        break;
      }
      append(connection, piece);
    }
    if (rest?.ended === true) {
      this.#dropRest();
    }
  }

  #isTaken(): boolean {
    return this.#pending?.rest === undefined && this.#connection.queuedBytes === 0;
  }

  #wait(): void {
    this.#connection.flags |= NEEDS_FLUSH;
    this.#connection.group.engine.port.mindSends();
  }

  #settle(error: Error | undefined): void {
    const pending = this.#pending;
    const done = pending?.done;
    if (pending !== undefined) {
      pending.done = undefined;
      pending.rest = undefined;
      this.#release(pending);
    }
    if (done !== undefined) {
      this.#owner.writeTaken();
      done(error);
    }
    if (!this.busy) {
      this.#owner.writerIdle();
    }
  }

  /** Bytes that the stream counts no longer, while a callback waits for the system to take them. */
  get awaitedBytes(): number {
    const pending = this.#pending;
    const waits = pending !== undefined && pending.waiting.length > 0 && pending.done === undefined;
    return waits ? this.#connection.queuedBytes : 0;
  }

  /** Calls back once the system has taken everything that was written so far. */
  whenTaken(call: Done): void {
    const { bytesWritten, queuedBytes, flags } = this.#connection;
    if (queuedBytes === 0 || (flags & CLOSING) !== 0) {
      call();
    } else {
      const context = callersContext();
      const isOwn = context === this.#connection.group.context;
      this.#own().waiting.push({ at: bytesWritten + queuedBytes, call, context: isOwn ? undefined : context });
      this.#wait();
    }
  }

  /** Calls back those whose bytes were taken. */
  #callTaken(): void {
    const connection = this.#connection;
    let pending = this.#pending;
    while (pending !== undefined && pending.waiting.length > 0) {
      if ((pending.waiting[0] as Waiting).at > connection.bytesWritten) {
        return;
      }
      const waiting = pending.waiting.shift() as Waiting;
      this.#release(pending);
      callWaiting(waiting);
      // The callback may have written.
      pending = this.#pending;
    }
  }

  /** Calls `writerIdle` once nothing is left to be sent. */
  reportIdle(): void {
    if (this.busy) {
      this.#wait();
    }
  }

  /** A send has completed. */
  flushed(): void {
    callBack(proceed, this, undefined);
  }

  /** Writes on after a send, or calls back. */
  proceed(): void {
    this.#callTaken();
    let error: Error | undefined;
    try {
      this.#goOn();
    } catch (thrown) {
      error = thrown as Error;
    }
    if (error !== undefined || this.#isTaken()) {
      this.#settle(error);
    } else {
      this.#wait();
    }
  }

  /** Ends our side. @param done called when the FIN was sent */
  finish(done: Done): void {
    const connection = this.#connection;
    if ((connection.flags & (FIN_SENT | CLOSING)) !== 0) {
      done();
      return;
    }
    this.#own().whenFinished = inCallersContext(done);
    requestFin(connection);
  }

  /** The FIN was sent. */
  finished(): void {
    callBack(finish, this, undefined);
  }

  /** Our side has ended. */
  ended(): void {
    const pending = this.#pending;
    const done = pending?.whenFinished;
    if (pending !== undefined) {
      pending.whenFinished = undefined;
      this.#release(pending);
    }
    done?.();
    this.#owner.writerIdle();
  }

  /** The connection is closed: calls back what waits. @param error of the write; undefined where something else has failed */
  closed(error: Error | undefined): void {
    for (const waiting of this.#pending?.waiting.splice(0) ?? []) {
      callWaiting(waiting, error);
    }
    this.#settle(error);
    this.ended();
  }

  /**
   * The socket is destroyed.
   * @returns whether a write goes on for the linger time: the rest of it, then our end
   */
  goesOn(left: readonly Payload[], failure: Error | undefined): boolean {
    const connection = this.#connection;
    const { lingerMs } = connection.group.limits;
    const open = (connection.flags & (FIN_REQUESTED | CLOSING)) === 0 && lingerMs !== 0;
    if (!open || (this.#pending?.rest === undefined && left.length === 0)) {
      return false;
    }
    const pending = this.#own();
    pending.rest ??= new StreamWrite([]);
    pending.rest.add(left);
    linger(connection, failure);
    this.proceed();
    return true;
  }
}
