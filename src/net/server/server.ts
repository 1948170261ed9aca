/** `Server`: a constructor that can be called without `new`, as that of `node:net`; `http.Server` calls it on its own object. */

import type nodeNet from 'node:net';
import { type CallableServer, NodeServer } from '../node-net.js';
import { makeServerClass } from './server-class.js';

const callNodeServer = NodeServer as unknown as CallableServer;

function ServerConstructor(this: object | undefined, options?: unknown, connectionListener?: unknown): object {
  if (this !== undefined && Object.prototype.isPrototypeOf.call(NodeServer.prototype, this)) {
    // A server of Node that was defined before `overlapped/register` replaced the constructor stays Node's own.
    callNodeServer.call(this, options, connectionListener);
    return this;
  }
  return Reflect.construct(Server, [options, connectionListener]) as object;
}

/** As `net.Server`. Its servers are instances of that too. */
export const Server = ServerConstructor as unknown as typeof nodeNet.Server;

makeServerClass(ServerConstructor, NodeServer);
