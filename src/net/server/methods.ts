/** The methods of a server: those of `node:net` that use a handle there. */

import { tracingChannel } from 'node:diagnostics_channel';
import { chmodSync } from 'node:fs';
import { promisify } from 'node:util';
import type { SocketAddress } from '../../base/address.js';
import { process } from '../../base/runtime.js';
import { nodesServerStarted } from '../connecting/accepted-first.js';
import { failureAt, listenError, plainError } from '../errors.js';
import { NodeServer, normalizeArguments } from '../node-net.js';
import { addressInfo } from '../socket/addresses.js';
import type { AddressInfo } from '../socket/state.js';
import { type ListenArguments, listenArguments } from './listen-arguments.js';
import { Listening } from './listening.js';
import type { ListeningServer } from './listening-server.js';
import { lookUpHost } from './lookup.js';
import { isTlsServer, needsNodesSockets } from './natives.js';
import { mendRequests } from './request-bodies.js';

/** The property with the state. */
export const SERVER_STATE = Symbol('overlapped server');

/** The state of a server that a program does not see. Node's servers have a handle for that. */
export class ServerState {
  listening: Listening | undefined = undefined;
  /** Listeners that were closed and have their address still. */
  closing = 0;
}

export interface NetServer extends ListeningServer {
  readonly [SERVER_STATE]: ServerState;
  readonly listening: boolean;
  /** The handle of Node's own server, where that one listens. */
  _handle: object | null;
  _unref: boolean;
  _listeningId: number;
  _connectionKey: string;
  _pipeName?: string;
  close(callback?: (error?: Error) => void): NetServer;
}

type NodeMethods = Readonly<Record<'listen' | 'close' | 'ref' | 'unref' | 'address', (...args: unknown[]) => unknown>>;

const listenChannel = tracingChannel<string, object>('net.server.listen');

const nodes = NodeServer.prototype as unknown as NodeMethods;

function emitListening(server: NetServer): void {
  if (server[SERVER_STATE].listening !== undefined) {
    server.emit('listening');
  }
}

function emitError(server: NetServer, error: Error): void {
  server.emit('error', error);
}

function emitClose(server: NetServer): void {
  server.emit('close');
}

interface Place {
  readonly address: SocketAddress;
  /** The host as the program gave it; null for none. */
  readonly host: string | null;
  readonly port: number;
  readonly addressType: number;
}

/** Listens at an address. Errors are emitted in the next tick. */
function listenAt(server: NetServer, { address, host, port, addressType }: Place, args: ListenArguments): void {
  const state = server[SERVER_STATE];
  const { backlog, ipv6Only, reusePort } = args;
  try {
    const place = { address, hasHost: host !== null, backlog, ipv6Only, reusePort, secure: isTlsServer(server) };
    state.listening = new Listening(server, place, () => listenerClosed(server));
  } catch (error) {
    const shown = host ?? (address.family === 'unix' ? address.path : address.address);
    const failure = listenError(failureAt(error, address), shown, port);
    if (listenChannel.error.hasSubscribers) {
      listenChannel.error.publish({ server, error: failure });
    }
    process.nextTick(emitError, server, failure);
    return;
  }
  if (listenChannel.asyncEnd.hasSubscribers) {
    listenChannel.asyncEnd.publish({ server });
  }
  const { address: bound } = state.listening;
  const shown = host ?? (bound.family === 'ipv4' ? '0.0.0.0' : '::');
  server._connectionKey = `${host === null && bound.family === 'ipv4' ? 4 : addressType}:${shown}:${port}`;
  if (server._unref) {
    state.listening.setReferenced(false);
  }
  process.nextTick(emitListening, server);
}

/** Sets whether the server keeps the process alive, now or once it listens. */
function setReferenced(server: NetServer, referenced: boolean): NetServer {
  if (server._handle) {
    nodes[referenced ? 'ref' : 'unref'].call(server);
  }
  server._unref = !referenced;
  server[SERVER_STATE].listening?.setReferenced(referenced);
  return server;
}

function listenerClosed(server: NetServer): void {
  server[SERVER_STATE].closing--;
  server._emitCloseIfDrained();
}

function lookUpAndListen(server: NetServer, host: string, port: number, args: ListenArguments): void {
  const listeningId = server._listeningId;
  lookUpHost(host, (error, ip, family) => {
    if (listeningId !== server._listeningId) {
      return;
    }
    if (error) {
      server.emit('error', error);
      return;
    }
    const kind = family === 6 ? 'ipv6' : 'ipv4';
    listenAt(server, { address: { family: kind, address: ip, port }, host: ip, port, addressType: family }, args);
  });
}

function listenOnPath(server: NetServer, args: ListenArguments): void {
  if (args.target.kind !== 'path') {
    return;
  }
  const { path, readableAll, writableAll } = args.target;
  server._pipeName = path;
  listenAt(server, { address: { family: 'unix', path }, host: path, port: -1, addressType: -1 }, args);
  if (server[SERVER_STATE].listening !== undefined && (readableAll || writableAll)) {
    // As uv_pipe_chmod: what the owner may not do, others may not either.
    chmodSync(path, 0o600 | (readableAll ? 0o444 : 0) | (writableAll ? 0o222 : 0));
  }
}

function closeOnAbort(server: NetServer, signal: AbortSignal | undefined): void {
  if (signal === undefined) {
    return;
  }
  const aborted = (): void => {
    server.close();
  };
  if (signal.aborted) {
    process.nextTick(aborted);
  } else {
    signal.addEventListener('abort', aborted, { once: true });
    server.once('close', () => signal.removeEventListener('abort', aborted));
  }
}

const serverMethods: object & ThisType<NetServer> = {
  listen(...args: unknown[]): NetServer {
    const [options, callback] = normalizeArguments(args);
    if (this.listening) {
      throw plainError('ERR_SERVER_ALREADY_LISTEN');
    }
    const checked = listenArguments(args);
    const { target } = checked;
    if (target.kind === 'node' || needsNodesSockets(this)) {
      nodesServerStarted();
      nodes.listen.apply(this, args);
      return this;
    }
    if (listenChannel.asyncStart.hasSubscribers) {
      listenChannel.asyncStart.publish({ server: this, options });
    }
    if (callback !== null) {
      this.once('listening', callback);
    }
    this._listeningId++;
    closeOnAbort(this, checked.signal);
    mendRequests(this);
    if (target.kind === 'path') {
      listenOnPath(this, checked);
    } else if (target.host !== undefined) {
      lookUpAndListen(this, target.host, target.port, checked);
    } else {
      const address = { family: 'ipv6', address: '::', port: target.port } as const;
      listenAt(this, { address, host: null, port: target.port, addressType: 6 }, checked);
    }
    return this;
  },

  get listening(): boolean {
    return Boolean(this._handle) || this[SERVER_STATE].listening !== undefined;
  },

  address(): AddressInfo | string | null {
    const { listening } = this[SERVER_STATE];
    if (this._handle) {
      return nodes.address.call(this) as AddressInfo | string | null;
    }
    if (listening !== undefined && listening.address.family !== 'unix') {
      return addressInfo(listening.address);
    }
    return this._pipeName ?? null;
  },

  close(callback?: (error?: Error) => void): NetServer {
    const state = this[SERVER_STATE] as ServerState | undefined;
    if (this._handle || state === undefined) {
      // Also for a server of another class: those of Node call the method of `net.Server.prototype`.
      nodes.close.call(this, callback);
      return this;
    }
    this._listeningId++;
    const { listening } = state;
    if (typeof callback === 'function') {
      this.once('close', listening === undefined ? () => callback(plainError('ERR_SERVER_NOT_RUNNING')) : callback);
    }
    if (listening !== undefined) {
      state.listening = undefined;
      state.closing++;
      listening.close();
    } else {
      this._emitCloseIfDrained();
    }
    return this;
  },

  _emitCloseIfDrained(): void {
    const { listening, closing } = this[SERVER_STATE];
    if (!this._handle && listening === undefined && closing === 0 && !this._connections) {
      process.nextTick(emitClose, this);
    }
  },

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.listening) {
      await promisify(this.close).call(this);
    }
  },

  ref(): NetServer {
    return setReferenced(this, true);
  },

  unref(): NetServer {
    return setReferenced(this, false);
  },
};

/** Gives the methods to the prototype of a server. */
export function defineServerMethods(prototype: object): void {
  Object.defineProperties(prototype, Object.getOwnPropertyDescriptors(serverMethods));
}
