/** A connection, as programs hold it. What it does is in `receiving.ts`, `sending.ts` and `closing.ts`. */

import type { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
import type { SocketAddress } from '../base/address.js';
import { OperationError } from '../base/errors.js';
import type { PoolBuffer } from '../port/buffer-pool.js';
import type { OverlappedSocket } from '../port/socket.js';
import type { CloseReason } from './close-reasons.js';
import { close } from './connection-core/close.js';
import { drained } from './connection-core/drained.js';
import { pause, resume } from './connection-core/receive.js';
import type { ConnectionContext } from './connection-core/record.js';
import { write } from './connection-core/send.js';
import { destroy, endSending } from './connection-core/shutdown.js';
import {
  CLOSED,
  CLOSING,
  END_CALLED,
  END_EMITTED,
  FIN_REQUESTED,
  LINGERING,
  NO_READER,
  PAUSED,
  UNREFERENCED,
} from './connection-core/state.js';
import { timeIsUp } from './connection-core/timeouts.js';
import type { Topics } from './connection-core/topics.js';
import type { HandlerName, Handlers } from './handlers.js';
import type { MessageSide } from './messages/messages.js';
import { sendMessage } from './messages/send-message.js';
import { checkTime } from './options.js';
import { NEVER, TICK_MS, type Timed, tickAfter, ticksOf } from './scheduling/timer-wheel.js';
import { ChunkIterator } from './streams/async-iterator.js';
import { ConnectionDuplex } from './streams/duplex.js';
import { WebConnection, type WebStreams } from './streams/web-streams.js';
import type { WriteQueue } from './writing/write-queue.js';

/** Received bytes that wait for a connection that is paused or had its share. */
export interface HeldChunk {
  /** The receive buffer that they are in, until `release`; undefined when they were copied. */
  readonly buffer: PoolBuffer | undefined;
  readonly bytes: Buffer;
}

/** How a connection ends, from when that is known. */
export interface Ending {
  readonly reason: CloseReason;
  readonly error: Error | undefined;
  /** The handler that failed, with the reason `handler_error`. */
  readonly handler: HandlerName | undefined;
}

export class Connection<Context = unknown> implements Timed {
  /** Whatever the program wants to keep with the connection. */
  context: Context = undefined as Context;
  /** @internal */
  readonly socket: OverlappedSocket;
  /** @internal */
  readonly group: ConnectionContext;
  /** @internal Whom its events go to: the group's, until the connection is read as a stream. */
  handlers: Handlers;
  /** @internal */
  flags = 0;
  /** Bytes received and delivered, and bytes that the system has taken. */
  bytesRead = 0;
  bytesWritten = 0;
  /** Bytes written that the system has not taken yet. */
  queuedBytes = 0;
  /** Memory that holds what was received and is not delivered, unfinished messages, and subscriptions; in bytes. */
  heldBytes = 0;
  /** @internal */
  queue: WriteQueue | undefined = undefined;
  /** @internal */
  held: HeldChunk[] | undefined = undefined;
  /** @internal The turn in which it received last, and its bytes in that turn. */
  turn = 0;
  /** @internal */
  turnBytes = 0;
  /** @internal Ticks of the last receive, of the last progress of sending, and of the last change of state. */
  receivedTick: number;
  /** @internal */
  sentTick: number;
  /** @internal */
  phaseTick: number;
  /** @internal The tick of `setDeadline`. */
  deadlineTick = NEVER;
  /** @internal */
  timerNext: Timed | undefined = undefined;
  /** @internal */
  timerPrevious: Timed | undefined = undefined;
  /** @internal */
  dueTick = NEVER;
  /** @internal */
  ending: Ending | undefined = undefined;
  /** @internal */
  messages: MessageSide | undefined = undefined;

  /** @internal */
  constructor(group: ConnectionContext, socket: OverlappedSocket) {
    this.group = group;
    this.socket = socket;
    this.handlers = group.handlers;
    const { tick } = group.engine.wheel;
    this.receivedTick = tick;
    this.sentTick = tick;
    this.phaseTick = tick;
    if (group.messages !== undefined) {
      this.messages = group.messages.side(this as Connection);
    } else if (group.handlers.data === undefined) {
      this.flags = NO_READER;
    }
  }

  /**
   * Writes bytes, or text as UTF-8. It is sent in order, together with what else is written in this turn. Up to 16,384
   * bytes are copied: their memory can be used again at once. More are not copied: leave them as they are until they are
   * sent (`queuedBytes` is 0). If their memory is transferred or resized before, the connection is reset with the error
   * `ERR_BUFFER_DETACHED`.
   * @returns false when more than the high-water mark waits: write on after `drain`. Also false, and the bytes are
   * dropped, on a connection that is closing, or that ends because the peer has ended or the server closes
   * @throws OperationError `ERR_STREAM_WRITE_AFTER_END` after `end`, `ERR_INVALID_ARG_TYPE` for what is neither bytes nor
   * text, `ERR_INVALID_ARG_VALUE` for bytes of the receive pool that are not of one chunk
   */
  write(data: Uint8Array | string): boolean {
    return write(this, data);
  }

  /**
   * Waits until there is room: fulfilled at once while at most the high-water mark waits to be sent, else when at most
   * half of it does. So a loop writes on: `if (!connection.write(chunk)) await connection.drained();`
   * @throws what the connection fails with, or `ERR_STREAM_PREMATURE_CLOSE` when it closes before;
   * `ERR_STREAM_WRITE_AFTER_END` when our side has ended
   */
  drained(): Promise<void> {
    return drained(this as Connection);
  }

  /**
   * Sends a message, in the framing of the server or of `connect`. It is `write` in everything else.
   * @throws FramingError what the framing cannot encode; OperationError as `write`
   */
  sendMessage(message: unknown): boolean {
    return sendMessage(this as Connection, message);
  }

  /**
   * Subscribes to a topic of its server: `server.publish` sends to all who have.
   * @returns false when it had already, or is closed
   * @throws OperationError `ERR_TOPICS_MAX` above the limits on topics, `ERR_TOPIC_TOO_LONG` for a name of more than
   * `topicBytesMax`, `ERR_NO_SERVER` on a connection that `connect` made
   */
  subscribe(topic: string): boolean {
    const topics = topicsOf(this.group);
    // One that is closed has left its topics, and would not leave again.
    return !this.closed && topics.subscribe(this as Connection, topic);
  }

  /** @returns false when it had not subscribed. @throws OperationError `ERR_NO_SERVER` */
  unsubscribe(topic: string): boolean {
    return topicsOf(this.group).unsubscribe(this as Connection, topic);
  }

  /** What it has subscribed to. */
  get topics(): readonly string[] {
    return this.group.topics?.topicsOf(this as Connection) ?? [];
  }

  /** Ends our side: behind what was written, and `data` last, the peer sees the end of the stream. */
  end(data?: Uint8Array | string | null): void {
    endSending(this, data ?? undefined);
    this.flags |= END_CALLED;
  }

  /**
   * Closes the connection: nothing more is read or written. What was written before is sent for at most `lingerMs` (1 s by
   * default), without blocking; if something is left then, it is dropped and the peer sees a reset. `close` follows, after
   * `error` when there is an error. Does nothing on a connection that is closing.
   */
  destroy(error?: Error | null): void {
    destroy(this, error ?? undefined);
  }

  /** Breaks the connection: the peer sees a reset (RST). `close` follows. */
  reset(): void {
    close(this, 'reset');
  }

  /** Takes nothing more from the peer, in bounded memory, until `resume`. */
  pause(): void {
    pause(this);
  }

  /** Goes on receiving. What came meanwhile is delivered in the next turn. */
  resume(): void {
    resume(this);
  }

  /** How long nothing was received and nothing sent, in ms; in steps of 32, and of what is longer than a year only that. */
  get idleMs(): number {
    const { wheel } = this.group.engine;
    wheel.look();
    return (wheel.tick - Math.max(this.receivedTick, this.sentTick)) * TICK_MS;
  }

  /** Whether `pause` was called, and not `resume`. */
  get paused(): boolean {
    return (this.flags & PAUSED) !== 0;
  }

  /** Whether `write` takes something. */
  get writable(): boolean {
    return (this.flags & (FIN_REQUESTED | CLOSING)) === 0;
  }

  /** Whether more may come from the peer. */
  get readable(): boolean {
    return (this.flags & (END_EMITTED | CLOSING | LINGERING)) === 0;
  }

  /** Whether it is closing or closed: `close` comes, or has come. */
  get closing(): boolean {
    return (this.flags & (CLOSING | LINGERING)) !== 0;
  }

  /** Whether `close` has come. */
  get closed(): boolean {
    return (this.flags & CLOSED) !== 0;
  }

  /**
   * Closes the connection with the reason `deadline` unless this is called again within `timeoutMs`: for a request that
   * must be complete by then, however its bytes trickle in. 0 or Infinity takes the deadline away.
   * @throws OperationError `ERR_OUT_OF_RANGE`
   */
  setDeadline(timeoutMs: number): void {
    const ticks = ticksOf(checkTime('timeoutMs', timeoutMs, Number.NaN));
    if ((this.flags & LINGERING) !== 0) {
      // Its linger time is its deadline.
      return;
    }
    const { wheel } = this.group.engine;
    wheel.look();
    this.deadlineTick = tickAfter(wheel.tick, ticks);
    this.group.engine.armTimer(this);
  }

  /** @internal */
  timeIsUp(): void {
    timeIsUp(this);
  }

  /** The address of our end. @throws OperationError `EBADF` when the connection is closing */
  get localAddress(): SocketAddress {
    return this.socket.localAddress();
  }

  /**
   * The peer's address. With a handler `error` or `close` it is known to the end, in these too.
   * @throws OperationError `ENOTCONN` or `EBADF` when the connection is gone or closing, and nobody asked before
   */
  get remoteAddress(): SocketAddress {
    return this.socket.remoteAddress();
  }

  /**
   * What comes, in copies, until the peer's end: `for await (const chunk of connection)`. Little is received ahead of the
   * loop, and nothing is handed to it while more than the high-water mark waits to be sent. Leaving the loop early destroys
   * the connection; after the peer's end our side is ended too, unless `allowHalfOpen`.
   * @throws OperationError `ERR_ALREADY_READ` when there is a handler `data`, a framing, or a stream of it already. The loop
   * throws what the connection fails with, and `ERR_STREAM_PREMATURE_CLOSE` when it is closed before the peer's end
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer> {
    return new ChunkIterator(this as Connection);
  }

  /** The connection as a stream of Node, with backpressure both ways. @throws OperationError `ERR_ALREADY_READ` */
  toDuplex(): Duplex {
    return new ConnectionDuplex(this as Connection);
  }

  /** The connection as web streams of bytes, with backpressure both ways. @throws OperationError `ERR_ALREADY_READ` */
  toWeb(): WebStreams {
    const { readable, writable } = new WebConnection(this as Connection);
    return { readable, writable };
  }

  /** The connection keeps the process alive, as it does unless told. */
  ref(): void {
    if ((this.flags & (UNREFERENCED | CLOSED)) === UNREFERENCED) {
      this.flags &= ~UNREFERENCED;
      this.group.engine.reference(1);
    }
  }

  /** The connection does not keep the process alive. */
  unref(): void {
    if ((this.flags & (UNREFERENCED | CLOSED)) === 0) {
      this.flags |= UNREFERENCED;
      this.group.engine.reference(-1);
    }
  }
}

/** Not a private method: that would cost each connection a word. */
function topicsOf(group: ConnectionContext): Topics {
  if (group.topics === undefined) {
    const reason = 'Topics are of servers, and this connection has none';
    throw new OperationError({ code: 'ERR_NO_SERVER', reason, syscall: 'subscribe' });
  }
  return group.topics;
}
