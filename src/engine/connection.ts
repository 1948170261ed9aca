/** A connection, as programs hold it: its methods. What they do is in the functions of `connection-core` and `streams`. */

import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { type InspectOptionsStylized, inspect } from 'node:util';
import type { SocketAddress } from '../base/address.js';
import type { Completion } from '../port/completion.js';
import type { CloseReason } from './close-reasons.js';
import { close, closedPromise } from './connection-core/close.js';
import { completed } from './connection-core/completed.js';
import { destroy } from './connection-core/linger.js';
import { pause, resume } from './connection-core/receive.js';
import { ConnectionRecord } from './connection-core/record.js';
import { drained } from './connection-core/room.js';
import { end, flush, write } from './connection-core/send.js';
import { CLOSED, isClosed, isClosing, isReadable, isWritable, PAUSED, UNREFERENCED } from './connection-core/state.js';
import { subscribe, topicsOf, unsubscribe } from './connection-core/subscriptions.js';
import { idleMsOf, moveTicks, setDeadline, setIdleTicks, timeIsUp } from './connection-core/timeouts.js';
import { type ConnectionReport, inspectConnection, reportOf } from './connection-report.js';
import { sendMessage } from './messages/send-message.js';
import { checkTime } from './options.js';
import { ticksOf } from './scheduling/timer-wheel.js';
import type { ConnectionTls } from './secure/connection-tls.js';
import { ChunkIterator } from './streams/async-iterator.js';
import { socketOf } from './streams/duplex.js';
import { WebConnection, type WebStreams } from './streams/web-streams.js';
import { setKeepAlive, setNoDelay } from './tcp-options.js';

/**
 * A connection of a server, or one that `connect` made. It is passed to each handler.
 * @typeParam Context the type of `context`
 * @typeParam Sent what `sendMessage` takes: the messages that the framing encodes
 */
export class Connection<Context = unknown, Sent = unknown> extends ConnectionRecord {
  /** The program's own value: the option `context`, or what the program sets. */
  context: Context = undefined as Context;
  /** Bytes received and delivered. */
  declare readonly bytesRead: number;
  /** Bytes that the system has taken. */
  declare readonly bytesWritten: number;

  /**
   * Writes bytes, or text as UTF-8. It is sent in order, together with what else is written in this turn. Up to 16,384
   * bytes are copied: their memory can be used again at once. More are not copied: leave them as they are until they are
   * sent (`queuedBytes` is 0). If their memory is transferred or resized before, the connection is reset with the error
   * `ERR_BUFFER_DETACHED`.
   * @returns false when more than the high-water mark waits: write on after `drain`. Also false, and the bytes are
   * dropped, on a connection that is closing, or that ends because the peer has ended or the server closes
   * @throws OperationError `ERR_STREAM_WRITE_AFTER_END` after `end`; TypeError `ERR_INVALID_ARG_TYPE` for what is neither bytes nor
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
    return drained(this);
  }

  /**
   * Sends a message, in the framing of the server or of `connect`. It is `write` in everything else.
   * @throws FramingError what the framing cannot encode; OperationError as `write`
   */
  sendMessage(message: Sent): boolean {
    return sendMessage(this, message);
  }

  /**
   * Subscribes to a topic of its server: `server.publish` sends to all subscribers.
   * @returns false when it has subscribed already, or is closed
   * @throws OperationError `ERR_TOPICS_MAX` above the limits on topics, `ERR_TOPIC_TOO_LONG` for a name of more than
   * `topicBytesMax`, `ERR_NO_SERVER` on a connection that `connect` made
   */
  subscribe(topic: string): boolean {
    return subscribe(this, topic);
  }

  /** @returns false when it has not subscribed. @throws OperationError `ERR_NO_SERVER` */
  unsubscribe(topic: string): boolean {
    return unsubscribe(this, topic);
  }

  /** The topics that it has subscribed to. */
  get topics(): readonly string[] {
    return topicsOf(this);
  }

  /** Ends our side: the peer sees the end of the stream after what was written, and after `data`. */
  end(data?: Uint8Array | string | null): void {
    end(this, data ?? undefined);
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

  /** Delivers nothing more until `resume`. The memory of what still arrives is bounded. */
  pause(): void {
    pause(this);
  }

  /** Receives again. What arrived meanwhile is delivered in the next turn. */
  resume(): void {
    resume(this);
  }

  /** The time since bytes were last received or sent, in ms, in steps of 32. A time above a year is only known to be that. */
  get idleMs(): number {
    return idleMsOf(this);
  }

  /** Whether `pause` was called, and not `resume` since. */
  get paused(): boolean {
    return (this.flags & PAUSED) !== 0;
  }

  /** Whether `write` accepts bytes. */
  get writable(): boolean {
    return isWritable(this);
  }

  /** Whether more bytes of the peer may follow. */
  get readable(): boolean {
    return isReadable(this);
  }

  /** Whether it is closing or closed: the handler `close` follows, or was called. */
  get closing(): boolean {
    return isClosing(this);
  }

  /** Whether the handler `close` was called. */
  get isClosed(): boolean {
    return isClosed(this);
  }

  /** Resolves to the reason once the connection is closed, after its handler `close` was called. It never rejects. */
  get closed(): Promise<CloseReason> {
    return closedPromise(this);
  }

  /** As `destroy`. Resolves when the connection is closed: `await using connection = await connect(…)`. */
  async [Symbol.asyncDispose](): Promise<void> {
    destroy(this, undefined);
    await closedPromise(this);
  }

  /** Whether small writes are sent at once (TCP_NODELAY). Does nothing on a Unix socket, or once the connection closes. */
  setNoDelay(noDelay = true): void {
    setNoDelay(this, noDelay);
  }

  /**
   * Whether the system probes a silent peer (SO_KEEPALIVE). Does nothing on a Unix socket, or once the connection closes.
   * @param initialDelayMs how long the peer is silent before the first probe, in ms, 0 to 32,767,000, cut to whole seconds;
   * ten probes follow, a second apart. Below 1000 it leaves the delay as it is
   * @throws RangeError `ERR_OUT_OF_RANGE`; TypeError `ERR_INVALID_ARG_TYPE`
   */
  setKeepAlive(keepAlive = true, initialDelayMs = 0): void {
    setKeepAlive(this, keepAlive, initialDelayMs);
  }

  /**
   * Replaces `timeouts.idleMs` for this connection, in ms; 0 or Infinity for no limit.
   * @throws RangeError `ERR_OUT_OF_RANGE`; TypeError `ERR_INVALID_ARG_TYPE`
   */
  setIdleTimeout(timeoutMs: number): void {
    setIdleTicks(this, ticksOf(checkTime('timeoutMs', timeoutMs)));
  }

  /** The connection in plain values, for logs. */
  toJSON(): ConnectionReport {
    return reportOf(this);
  }

  /** Returns the text that `console.log` prints. */
  [inspect.custom](depth: number, options: InspectOptionsStylized): string {
    return inspectConnection(this, depth, options);
  }

  /**
   * Closes the connection with the reason `deadline` unless this is called again within `timeoutMs`: for a request that
   * must be complete by then, however its bytes trickle in. 0 or Infinity takes the deadline away.
   * @throws RangeError `ERR_OUT_OF_RANGE`; TypeError `ERR_INVALID_ARG_TYPE`
   */
  setDeadline(timeoutMs: number): void {
    setDeadline(this, ticksOf(checkTime('timeoutMs', timeoutMs)));
  }

  /** @internal */
  override postWritten(): void {
    flush(this);
  }

  /** @internal */
  override ended(): void {}

  /** @internal */
  override timeIsUp(): void {
    timeIsUp(this);
  }

  /** @internal */
  override completed(completion: Completion): void {
    completed(this, completion);
  }

  /** @internal */
  override failed(error: Error): void {
    close(this, 'error', error);
  }

  /** @internal */
  override engineClosed(): void {
    close(this, 'engine_closed');
  }

  /** @internal */
  override ticksMoved(ticks: number): void {
    moveTicks(this, ticks);
  }

  /** Its TLS; undefined without. */
  get tls(): ConnectionTls | undefined {
    return undefined;
  }

  /** The address of our end. @throws OperationError `EBADF` when the connection is closing */
  get localAddress(): SocketAddress {
    return this.socket.localAddress();
  }

  /**
   * The peer's address. With a handler `error` or `close` it is known to the end, in these too.
   * @throws OperationError `ENOTCONN` or `EBADF` when the connection is gone or closing, and the address was not asked for before
   */
  get remoteAddress(): SocketAddress {
    return this.socket.remoteAddress();
  }

  /**
   * Received bytes, in copies, until the peer's end: `for await (const chunk of connection)`. Little is received ahead of the
   * loop, and the loop waits while more than the high-water mark waits to be sent. Leaving the loop early destroys the
   * connection; after the peer's end our side ends too, unless `allowHalfOpen`.
   * @throws OperationError `ERR_ALREADY_READ` when there is a handler `data`, a framing, or a stream of it already. The loop
   * throws what the connection fails with, and `ERR_STREAM_PREMATURE_CLOSE` when it is closed before the peer's end
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer> {
    return new ChunkIterator(this);
  }

  /**
   * The connection as a socket of `node:net`, for code that takes a stream or a socket: pipelines, an http server, `TLSSocket`,
   * packages. The socket is its only reader from now on, and decides when our side ends. Its handlers are still called for
   * everything but `data`, and its limits hold.
   * @throws OperationError `ERR_ALREADY_READ` when there is a handler `data`, a framing, or a stream of it already
   * @example
   * const server = await listen({ port: 4567, open: (connection) => connection.toDuplex().end('hello') });
   */
  toDuplex(): Socket {
    return socketOf(this);
  }

  /** The connection as web streams of bytes, with backpressure both ways. @throws OperationError `ERR_ALREADY_READ` */
  toWeb(): WebStreams {
    const { readable, writable } = new WebConnection(this);
    return { readable, writable };
  }

  /** The connection keeps the process alive, as it does by default. */
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
