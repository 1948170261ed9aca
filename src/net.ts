/**
 * `overlapped/net`: what `node:net` exports, for TCP and Unix sockets, on the engine. Its types are those of `node:net`.
 *
 * The variable `OVERLAPPED_DRIVER` names the driver. Where none runs, all of this is Node's own, and a warning says so
 * once. docs/net.md says what a program gets, and what stays Node's own.
 */

import { channel } from 'node:diagnostics_channel';
import nodeNet from 'node:net';
import { whyUnavailable } from './net/available.js';
import { warnUnavailable } from './net/available-warning.js';
import { IS_NODE_22, NodeServer, NodeSocket, normalizeArguments } from './net/node-net.js';
import { isWindowsPipe } from './net/server/listen-arguments.js';
import { Server as EngineServer } from './net/server/server.js';
import { Socket as EngineSocket } from './net/socket/socket.js';

const socketChannel = channel('net.client.socket');

const unavailable = whyUnavailable();

if (unavailable !== undefined) {
  warnUnavailable(unavailable);
}

/** As `net.Socket`. Its sockets are instances of Node's too. With the option `fd` or `handle` it makes one of Node's own. */
export const Socket: typeof nodeNet.Socket = unavailable === undefined ? EngineSocket : NodeSocket;

/** As `net.Stream`: the old name of `Socket`. */
export const Stream: typeof nodeNet.Socket = Socket;

/** The type of `net.Socket`. */
export type Socket = nodeNet.Socket;

/** As `net.Server`. Its servers are instances of Node's too. */
export const Server: typeof nodeNet.Server = unavailable === undefined ? EngineServer : NodeServer;

/** The type of `net.Server`. */
export type Server = nodeNet.Server;

function connectNew(...args: unknown[]): nodeNet.Socket {
  const normalized = normalizeArguments(args);
  const [options] = normalized;
  const Kind = isWindowsPipe(options.path) ? NodeSocket : Socket;
  const socket = new Kind(options as nodeNet.SocketConstructorOpts);
  // Later versions publish it in `socket.connect`.
  if (!IS_NODE_22 && socketChannel.hasSubscribers) {
    socketChannel.publish({ socket });
  }
  if (options.timeout) {
    socket.setTimeout(options.timeout as number);
  }
  return socket.connect(normalized as unknown as nodeNet.SocketConnectOpts);
}

Object.defineProperty(connectNew, 'name', { value: 'connect' });

function createNew(options?: unknown, listener?: unknown): nodeNet.Server {
  return Reflect.construct(Server, [options, listener]) as nodeNet.Server;
}

Object.defineProperty(createNew, 'name', { value: 'createServer' });

/** As `net.connect`. */
export const connect: typeof nodeNet.connect = connectNew as typeof nodeNet.connect;

/** As `net.createConnection`. */
export const createConnection: typeof nodeNet.connect = connect;

/** As `net.createServer`. */
export const createServer: typeof nodeNet.createServer = createNew as typeof nodeNet.createServer;

export type * from 'node:net';
export { netEngine } from './net/engine.js';
export { connectionOf, statisticsOf } from './net/inside.js';
export { type HttpHandlers, serveHttp } from './net/serve-http.js';

/** Node's own `net.BlockList`. */
export const BlockList: typeof nodeNet.BlockList = nodeNet.BlockList;

/** Node's own `net.SocketAddress`. */
export const SocketAddress: typeof nodeNet.SocketAddress = nodeNet.SocketAddress;

/** The type of `net.BlockList`. */
export type BlockList = nodeNet.BlockList;

/** The type of `net.SocketAddress`. */
export type SocketAddress = nodeNet.SocketAddress;

/** Node's own `net.isIP`. */
export const isIP: typeof nodeNet.isIP = nodeNet.isIP;

/** Node's own `net.isIPv4`. */
export const isIPv4: typeof nodeNet.isIPv4 = nodeNet.isIPv4;

/** Node's own `net.isIPv6`. */
export const isIPv6: typeof nodeNet.isIPv6 = nodeNet.isIPv6;

/** Node's own `net.getDefaultAutoSelectFamily`: the setting is that of the process, for `node:net` too. */
export const getDefaultAutoSelectFamily: typeof nodeNet.getDefaultAutoSelectFamily = nodeNet.getDefaultAutoSelectFamily;

/** Node's own `net.setDefaultAutoSelectFamily`. */
export const setDefaultAutoSelectFamily: typeof nodeNet.setDefaultAutoSelectFamily = nodeNet.setDefaultAutoSelectFamily;

/** Node's own `net.getDefaultAutoSelectFamilyAttemptTimeout`. */
export const getDefaultAutoSelectFamilyAttemptTimeout: typeof nodeNet.getDefaultAutoSelectFamilyAttemptTimeout =
  nodeNet.getDefaultAutoSelectFamilyAttemptTimeout;

/** Node's own `net.setDefaultAutoSelectFamilyAttemptTimeout`. */
export const setDefaultAutoSelectFamilyAttemptTimeout: typeof nodeNet.setDefaultAutoSelectFamilyAttemptTimeout =
  nodeNet.setDefaultAutoSelectFamilyAttemptTimeout;

/** All of it as one object, with what else this Node's `net` has. */
const net: typeof nodeNet = Object.defineProperties(
  {},
  {
    ...Object.getOwnPropertyDescriptors(nodeNet),
    ...Object.getOwnPropertyDescriptors({ Server, Socket, Stream, connect, createConnection, createServer }),
  },
) as typeof nodeNet;

export default net;
