/** A socket that connects to a named pipe of Windows becomes Node's own. */

import { clearTimeout } from '../../base/runtime.js';
import { NodeSocket } from '../node-net.js';
import { type NetSocket, STATE } from '../socket/state.js';

/**
 * Gives a socket that has not been connected the methods of Node, and connects it. It was made by Node's constructor, so
 * it lacks nothing else.
 */
export function connectAsNodes(socket: NetSocket, args: readonly unknown[]): NetSocket {
  const state = socket[STATE];
  clearTimeout(state.timer);
  state.timer = undefined;
  Object.setPrototypeOf(socket, NodeSocket.prototype);
  const nodes = socket as unknown as InstanceType<typeof NodeSocket>;
  if (nodes.timeout) {
    nodes.setTimeout(nodes.timeout);
  }
  return Reflect.apply(nodes.connect, nodes, args) as unknown as NetSocket;
}
