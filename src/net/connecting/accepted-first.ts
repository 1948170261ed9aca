/**
 * Clients of servers on Node's own sockets in the same thread. The system reports a connect over loopback to the engine before
 * libuv has seen that the server can accept. With Node's own clients the server accepts first, and programs that connect to
 * themselves depend on it: a server that is closed when its client has connected would reset that client.
 */

import type { SocketAddress } from '../../base/address.js';
import { setImmediate } from '../../base/runtime.js';
import type { Attempt } from '../socket/state.js';

let nodesServerListens = false;

/** A server on Node's own sockets listens in this thread. */
export function nodesServerStarted(): void {
  nodesServerListens = true;
}

/** Whether the server of an address may be one of Node's in this thread. */
export function mayBeOwnServer(address: SocketAddress): boolean {
  return nodesServerListens && (address.family === 'unix' || /^(?:::ffff:)?127\.|^::1$/i.test(address.address));
}

/** Calls `open` when libuv has looked at its sockets again. It is cancelled as an attempt is, by which `drop` is called. */
export function afterAccept(open: () => void, drop: () => void): Attempt {
  let waits = true;
  const go = (): void => {
    if (waits) {
      waits = false;
      open();
    }
  };
  // The first one may be due in this iteration of the event loop, whose poll is over.
  setImmediate(() => setImmediate(go));
  return {
    cancel: () => {
      if (waits) {
        waits = false;
        drop();
      }
    },
    setReferenced: () => undefined,
  };
}
