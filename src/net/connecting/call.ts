/** One call of `connect`: its attempts, one after the other, and the connection that the last of them becomes. */

import type { SocketAddress } from '../../base/address.js';
import type { Connection } from '../../engine/connection.js';
import type { ConnectionContext, ConnectionRecord, StreamSink } from '../../engine/connection-core/record.js';
import type { ConnectionCounters } from '../../engine/counters.js';
import type { EngineCore } from '../../engine/engine-core.js';
import { openConnection } from '../../engine/open-connection.js';
import type { SecureConnection } from '../../engine/secure/secure-connection.js';
import type { SecureGroup } from '../../engine/secure/secure-group.js';
import { callersContext } from '../../port/async-context.js';
import type { OverlappedSocket } from '../../port/socket.js';
import { callBack } from '../call.js';
import { NET_LIMITS, netEngineCore } from '../engine.js';
import { addressError, blockedAddress, failureAt, failureOf } from '../errors.js';
import { beginSecure, openSecured } from '../secure/begin.js';
import { socketHandlers } from '../socket/attach.js';
import { type NetSocket, type SocketState, STATE } from '../socket/state.js';
import { applyTcpOptions } from '../socket/tcp-options.js';
import { afterAccept, mayBeOwnServer } from './accepted-first.js';
import { EngineAttempt } from './attempt.js';
import type { Destination } from './lookup.js';
import type { CheckedConnect } from './options.js';
import { type ConnectEntry, connectEntry } from './performance-entry.js';

const ANY_ADDRESS: Readonly<Record<number, string>> = { 4: '0.0.0.0', 6: '::' };

/** The connection is open: as after the connect of a handle. */
function connected(state: SocketState): void {
  const { socket } = state;
  socket.connecting = false;
  state.localName = undefined;
  applyTcpOptions(state);
  socket._unrefTimer();
  socket.emit('connect');
  socket.emit('ready');
  if (!socket.isPaused() && !socket.destroyed) {
    socket.read(0);
  }
}

const handlers = socketHandlers(connected);

/** The same with TLS: the socket had its connection before. */
const secureHandlers = { ...handlers, open: openSecured } as unknown as ConnectionContext['handlers'];

/** Reports how an attempt has failed, and tries the next address or gives up. */
export type AttemptFailed = (error: NodeJS.ErrnoException) => void;

export class ConnectCall implements ConnectionContext {
  readonly socket: NetSocket;
  readonly handlers: ConnectionContext['handlers'];
  readonly context = callersContext();
  readonly limits = NET_LIMITS;
  readonly messages = undefined;
  readonly topics = undefined;
  readonly secure: SecureGroup | undefined;
  readonly #options: Partial<CheckedConnect>;
  #engine: EngineCore | undefined;
  #entry: ConnectEntry | undefined;
  /** Called when an attempt has succeeded. */
  onConnected: () => void = () => undefined;

  constructor(socket: NetSocket, options: Partial<CheckedConnect>) {
    this.socket = socket;
    this.secure = socket[STATE].secure?.group;
    this.handlers = this.secure === undefined ? (handlers as ConnectionContext['handlers']) : secureHandlers;
    this.#options = options;
  }

  get engine(): EngineCore {
    this.#engine ??= netEngineCore();
    return this.#engine;
  }

  get counters(): ConnectionCounters {
    return this.engine.clientCounters;
  }

  streamOf(connection: ConnectionRecord): StreamSink | undefined {
    return (connection as Connection<SocketState>).context?.writer;
  }

  /** The socket is connected, and TLS begins. */
  handshakeBegins(connection: ConnectionRecord): void {
    const state = this.socket[STATE];
    beginSecure(connection as SecureConnection, state, this.context);
    this.context.run(callBack, undefined, connected, state, undefined);
  }

  connectionOpened(): void {}

  connectionClosed(): void {}

  /** Connects to a Unix socket, or fails. */
  toPath(path: string): void {
    const { socket } = this;
    this.#attempt({ family: 'unix', path }, undefined, (error) => {
      socket.emit('connectionAttemptFailed', path, undefined, undefined, error);
      socket.destroy(error);
    });
  }

  /** Whether the program has forbidden an address. */
  blocks({ address, family }: Destination): boolean {
    const { blockList = this.#options.blockList } = this.socket;
    return blockList?.check(address, family === 6 ? 'ipv6' : 'ipv4') === true;
  }

  /** Connects to the only address, or fails. */
  toAddress(destination: Destination, port: number): void {
    const { socket } = this;
    const { address, family } = destination;
    if (this.blocks(destination)) {
      socket.emit('connectionAttempt', address, port, family);
      socket.destroy(blockedAddress(address));
      return;
    }
    this.attempt(destination, port, this.#options.localPort, (error) => {
      if (error.syscall === 'connect') {
        socket.emit('connectionAttemptFailed', address, port, family, error);
      }
      socket.destroy(error);
    });
  }

  /** One attempt. Its failure is passed to `failed`, also at once. */
  attempt({ address, family }: Destination, port: number, localPort: number | undefined, failed: AttemptFailed): void {
    const kind = family === 6 ? 'ipv6' : 'ipv4';
    const { localAddress } = this.#options;
    const local: SocketAddress | undefined =
      localAddress === undefined && localPort === undefined
        ? undefined
        : { family: kind, address: localAddress ?? (ANY_ADDRESS[family] as string), port: localPort ?? 0 };
    this.#attempt({ family: kind, address, port }, local, failed);
  }

  #attempt(remote: SocketAddress, local: SocketAddress | undefined, failed: AttemptFailed): void {
    const { socket } = this;
    const place =
      remote.family === 'unix'
        ? { address: remote.path, port: undefined }
        : { address: remote.address, port: remote.port, ...this.#localPlace() };
    let attempt: EngineAttempt | undefined;
    try {
      attempt = new EngineAttempt(this.engine, this.context, remote.family, (error, connectedSocket) => {
        socket[STATE].attempt = undefined;
        if (connectedSocket === undefined) {
          failed(addressError(failureAt(error, remote), 'connect', place));
        } else {
          this.#connected(remote, connectedSocket);
        }
      });
      if (local !== undefined && local.family !== 'unix') {
        this.#bind(attempt, local);
      }
      this.#announce(remote);
      attempt.start(remote);
    } catch (error) {
      attempt?.cancel();
      failed(error instanceof BindFailure ? error.failure : addressError(failureAt(error, remote), 'connect', place));
      return;
    }
    socket[STATE].attempt = attempt;
    attempt.setReferenced(socket[STATE].referenced);
  }

  #announce(remote: SocketAddress): void {
    const { socket } = this;
    if (remote.family === 'unix') {
      socket.emit('connectionAttempt', remote.path, undefined, undefined);
    } else {
      socket.emit('connectionAttempt', remote.address, remote.port, remote.family === 'ipv6' ? 6 : 4);
      this.#entry = connectEntry(remote.address, remote.port);
    }
  }

  #connected(remote: SocketAddress, socket: OverlappedSocket): void {
    this.onConnected();
    if (!mayBeOwnServer(remote)) {
      this.#open(socket);
      return;
    }
    const { port } = this.engine;
    this.socket[STATE].attempt = afterAccept(
      () => this.#open(socket),
      () => port.closeSocket(socket),
    );
  }

  #localPlace(): { localAddress?: string; localPort?: number } {
    const { localAddress, localPort } = this.#options;
    return localAddress === undefined || localPort === undefined ? {} : { localAddress, localPort };
  }

  #bind(attempt: EngineAttempt, local: SocketAddress & { readonly port: number; readonly address: string }): void {
    try {
      attempt.bind(local);
    } catch (error) {
      throw new BindFailure(addressError(failureOf(error), 'bind', { address: local.address, port: local.port }));
    }
  }

  #open(socket: OverlappedSocket): void {
    const state = this.socket[STATE];
    state.attempt = undefined;
    if (this.socket.destroyed) {
      this.engine.port.closeSocket(socket);
      return;
    }
    try {
      openConnection(this, socket, state);
      this.#entry?.connected();
    } catch (error) {
      this.engine.port.closeSocket(socket);
      this.socket.destroy(error as Error);
    }
  }
}

/** The local address could not be taken. */
class BindFailure extends Error {
  readonly failure: NodeJS.ErrnoException;

  constructor(failure: NodeJS.ErrnoException) {
    super(failure.message);
    this.failure = failure;
  }
}
