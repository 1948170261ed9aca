/** `connect`: its arguments, and the way to an address. */

import { channel } from 'node:diagnostics_channel';
import nodeNet from 'node:net';
import { process } from '../../base/runtime.js';
import { invalidArgType, missingArguments } from '../errors.js';
import { areNormalized, IS_NODE_22, normalizeArguments } from '../node-net.js';
import { isWindowsPipe } from '../server/listen-arguments.js';
import { makeUserBuffer } from '../socket/reading.js';
import { type NetSocket, STATE } from '../socket/state.js';
import { ConnectCall } from './call.js';
import { lookUpAll, lookUpOne } from './lookup.js';
import { connectMultiple } from './multiple.js';
import { connectAsNodes } from './named-pipe.js';
import { type CheckedConnect, checkConnectOptions } from './options.js';

const socketChannel = channel('net.client.socket');

/** Connects a socket, for `socket.connect`. */
export function connectSocket(socket: NetSocket, args: readonly unknown[]): NetSocket {
  const [options, callback] = areNormalized(args[0]) ? args[0] : normalizeArguments(args);
  if (isWindowsPipe(options.path) && !socket[STATE].attached) {
    return connectAsNodes(socket, args);
  }
  if (IS_NODE_22 && socketChannel.hasSubscribers) {
    socketChannel.publish({ socket });
  }
  if (callback !== null) {
    socket.once('connect', callback);
  }
  if (socket._parent?.connecting === true) {
    return socket;
  }
  if (options.port === undefined && (options.path ?? undefined) === undefined) {
    throw missingArguments();
  }
  // It was replaced when the other side had ended a connection that it had before.
  Reflect.deleteProperty(socket, 'write');
  begin(socket, Boolean(options.path));
  if (options.path) {
    if (typeof options.path !== 'string') {
      throw invalidArgType('options.path', 'of type string', options.path);
    }
    new ConnectCall(socket, {}).toPath(options.path);
  } else {
    toHost(socket, checkConnectOptions(options));
  }
  return socket;
}

/** The socket has what a handle is to a socket of Node. */
function begin(socket: NetSocket, local: boolean): void {
  const state = socket[STATE];
  if (socket.destroyed) {
    state.attached = false;
    state.peerName = undefined;
    state.localName = undefined;
  }
  if (!state.attached) {
    state.attached = true;
    state.local = local;
    state.referenced = true;
    state.keepCounts(0, 0);
    socket._undestroy();
    makeUserBuffer(state);
  }
  socket._unrefTimer();
  socket.connecting = true;
}

function toHost(socket: NetSocket, options: CheckedConnect): void {
  const { host, port, localAddress, localPort } = options;
  const call = new ConnectCall(socket, options);
  const family = nodeNet.isIP(host);
  if (family !== 0) {
    process.nextTick(() => {
      if (socket.connecting) {
        call.toAddress({ address: host, family }, port);
      }
    });
    return;
  }
  socket._host = host;
  if (options.family !== 4 && options.family !== 6 && !localAddress && options.autoSelectFamily) {
    lookUpAll(socket, options, (addresses) => {
      socket._unrefTimer();
      const [first] = addresses;
      if (addresses.length === 1 && first !== undefined) {
        call.toAddress(first, port);
      } else {
        connectMultiple(call, addresses, { port, localPort, attemptMs: options.attemptMs });
      }
    });
  } else {
    lookUpOne(socket, options, (address) => {
      socket._unrefTimer();
      call.toAddress(address, port);
    });
  }
}
