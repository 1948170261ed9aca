/**
 * Entries of `perf_hooks` of the type `net`. Only the connect of Node's own sockets can make them, so one of these goes through
 * the motions, with a handle that does nothing, while somebody observes them.
 */

import { channel } from 'node:diagnostics_channel';
import { NodeSocket } from '../node-net.js';

/** Node's request of a connect: it is called back when the connect has ended. */
interface ConnectRequest {
  oncomplete(status: number, handle: object, request: object, readable: boolean, writable: boolean): void;
}

/** The entry of one connect. Node measures its time and knows its address. */
export interface ConnectEntry {
  /** The socket is connected: makes the entry. */
  connected(): void;
}

const socketChannel = channel('net.client.socket');

let observed = false;

/** Somebody observes connects from now on. */
export function observeConnects(): void {
  observed = true;
}

/** The functions of a handle that a socket of Node calls. */
class IdleHandle {
  request: ConnectRequest | undefined;

  connect(request: ConnectRequest): number {
    this.request = request;
    return 0;
  }

  connect6(request: ConnectRequest): number {
    return this.connect(request);
  }

  readStart(): number {
    return 0;
  }

  readStop(): number {
    return 0;
  }

  close(): void {}

  ref(): void {}

  unref(): void {}
}

/** Calls a function while a socket that connects is not published: this one is none. */
function unpublished(call: () => void): void {
  Object.defineProperty(socketChannel, 'hasSubscribers', { value: false, configurable: true });
  try {
    call();
  } finally {
    Reflect.deleteProperty(socketChannel, 'hasSubscribers');
  }
}

/** Node's own method, also if a tool replaces it later. */
const { connect } = NodeSocket.prototype;

/** Begins the entry of a connect; undefined if nobody observes them. */
export function connectEntry(host: string, port: number): ConnectEntry | undefined {
  if (!observed) {
    return undefined;
  }
  const handle = new IdleHandle();
  const socket = new NodeSocket({ handle, manualStart: true } as ConstructorParameters<typeof NodeSocket>[0]);
  unpublished(() => Reflect.apply(connect as (options: object) => unknown, socket, [{ host, port }]));
  return {
    connected: () => {
      handle.request?.oncomplete(0, handle, handle.request, true, true);
      socket.destroy();
    },
  };
}
