/** Replaces functions of `node:net`. This file loads the engine and its native code. */

import { syncBuiltinESMExports } from 'node:module';
import nodeNet from 'node:net';
import { availability } from '../net/available.js';
import { MOVED, ownNet } from '../net/node-net.js';
import { keepPausedSockets } from '../net/server/natives.js';
import { Server } from '../net.js';
import { movedConnect, movedCreateServer } from './functions.js';
import { loadedBefore, mendHttp } from './http.js';
import type { Outcome } from './outcome.js';
import { watchObservers } from './performance.js';
import { MovedSocket, shareConnect } from './socket.js';
import { watchTls } from './tls.js';

/** Puts ours in place, if a driver runs. `overlapped/net` has warned if none does. */
export function move(): Outcome {
  const found = availability();
  if (found.driver === undefined) {
    return { state: 'unavailable', reason: found.reason };
  }
  const moved = {
    Server,
    Socket: MovedSocket,
    Stream: MovedSocket,
    connect: movedConnect,
    createConnection: movedConnect,
    createServer: movedCreateServer,
  };
  Object.defineProperty(nodeNet, MOVED, { value: ownNet });
  Object.assign(nodeNet, moved);
  keepPausedSockets();
  shareConnect();
  watchObservers();
  watchTls(Server);
  const late = loadedBefore();
  if (late.includes('http')) {
    mendHttp(moved);
  }
  syncBuiltinESMExports();
  return { state: 'moved', driver: found.driver, late: late.filter((name) => name === 'http2') };
}
