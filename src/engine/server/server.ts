/** A server, as programs hold it. `ServerCore` is what runs it. */

import type { SocketAddress } from '../../base/address.js';
import { misuse } from '../../base/argument-errors.js';
import type { DriverName } from '../../drivers/driver.js';
import type { SecureContext } from '../../tls/context.js';
import type { ContextOptions } from '../../tls/options.js';
import type { Connection } from '../connection.js';
import { piecesOf } from '../messages/send-message.js';
import { checkTime } from '../options.js';
import type { ServerTls } from '../secure/server-tls.js';
import { type ServerStatistics, serverStatistics } from '../statistics.js';
import type { Payload } from '../writing/payload.js';
import { type ConnectionFilter, sendToAll } from './broadcast.js';
import { type CloseOptions, DEADLINE_MS } from './graceful-close.js';
import type { ServerCore } from './server-core.js';

/**
 * A server that `listen` made.
 * @typeParam Context the type of `context` of its connections
 * @typeParam Sent what `broadcastMessage` and `publishMessage` take: the messages that the framing encodes
 */
export class Server<Context = unknown, Sent = unknown> {
  /** @internal What runs it. */
  readonly core: ServerCore;

  /** @internal */
  constructor(core: ServerCore) {
    this.core = core;
  }

  /** The address that it listens on. */
  get address(): SocketAddress {
    return this.core.address;
  }

  /** The port number that it listens on; undefined for a Unix-domain socket. */
  get port(): number | undefined {
    const { address } = this.core;
    return address.family === 'unix' ? undefined : address.port;
  }

  /** The driver in use. */
  get driver(): DriverName {
    return this.core.engine.port.driver;
  }

  /** The drivers that `auto` would have preferred, each with the reason why it was skipped. */
  get skippedDrivers(): readonly string[] {
    return this.core.engine.port.skippedDrivers;
  }

  /** Whether it accepts connections. */
  get listening(): boolean {
    return this.core.accepts.open;
  }

  /** Whether it and all of its connections are closed. */
  get isClosed(): boolean {
    return this.core.closing.ended;
  }

  /** The error that ended the listening; undefined if none did. */
  get error(): Error | undefined {
    return this.core.error;
  }

  /** The number of connections that are not closed. */
  get connectionsCount(): number {
    return this.core.openCount;
  }

  /** The connections that are open or closing. */
  connections(): Generator<Connection<Context, Sent>> {
    return this.core.openConnections() as Generator<Connection<Context, Sent>>;
  }

  /**
   * Sends bytes or text to all connections, or to those that pass the filter. All sends share one copy. Each connection
   * keeps its own limits on what may wait to be sent.
   * @returns the number of connections written to
   * @throws TypeError `ERR_INVALID_ARG_TYPE` for what is neither bytes nor text
   */
  broadcast(data: Payload, filter?: ConnectionFilter<Context>): number {
    return this.#broadcast([data], filter);
  }

  /** The same with a message, which is encoded once. @throws FramingError what the framing cannot encode */
  broadcastMessage(message: Sent, filter?: ConnectionFilter<Context>): number {
    return this.#broadcast(piecesOf(this.core.messages, message), filter);
  }

  #broadcast(pieces: readonly Payload[], filter: ConnectionFilter<Context> | undefined): number {
    return sendToAll(this.core.connections, this.core.engine.writes.sharing.join(pieces), filter);
  }

  /** Sends bytes or text to all subscribers of a topic. @returns the number of connections written to */
  publish(topic: string, data: Payload): number {
    return this.core.send(topic, this.core.engine.writes.sharing.join([data]));
  }

  /** The same with a message, which is encoded once. @throws FramingError what the framing cannot encode */
  publishMessage(topic: string, message: Sent): number {
    return this.core.send(topic, this.core.engine.writes.sharing.join(piecesOf(this.core.messages, message)));
  }

  /**
   * Stops listening and asks each connection to end: calls its handler `serverClosing`, or `end()` without that handler.
   * Connections that are left at the deadline are reset. Resolves when all are closed.
   * @throws RangeError `ERR_OUT_OF_RANGE` for a deadline that is not a number from 0 to Infinity
   */
  close(options?: CloseOptions | null): Promise<void> {
    return this.core.closing.close(checkTime('deadlineMs', options?.deadlineMs, DEADLINE_MS));
  }

  /**
   * Replaces the certificate and the other options of the server's secure context, without a restart: connections that
   * begin from now on use them.
   * @throws TypeError `ERR_INVALID_ARG_VALUE` without the option `tls`, and what `tls.createSecureContext` throws
   */
  setSecureContext(options: ContextOptions | SecureContext): void {
    this.#tls.setSecureContext(options);
  }

  /**
   * Adds a certificate for a name: clients that ask for it (SNI) get it. A later one for the same name replaces it.
   * @param hostname such as `example.com`, or `*.example.com` for all names with one label more
   * @throws TypeError `ERR_INVALID_ARG_VALUE` for a wrong name, or without the option `tls`
   */
  addContext(hostname: string, options: ContextOptions | SecureContext): void {
    this.#tls.addContext(hostname, options);
  }

  get #tls(): ServerTls {
    const { secure } = this.core;
    if (secure === undefined) {
      throw misuse('tls: expected a server that listens with it');
    }
    return secure;
  }

  /** The server keeps the process alive. This is the default. */
  ref(): void {
    if (!this.isClosed) {
      this.core.accepts.ref();
    }
  }

  /** The server does not keep the process alive. Its connections still do. */
  unref(): void {
    this.core.accepts.unref();
  }

  /** Counts since the server began to listen. */
  statistics(): ServerStatistics {
    return serverStatistics(this.core.engine, this.core.counters);
  }

  /** Closes the server as `close()` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
