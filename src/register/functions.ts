/** The functions of `node:net` that a preload replaces. Node's own code calls them, too, and sometimes needs its own sockets. */

import nodeCluster from 'node:cluster';
import type nodeNet from 'node:net';
import { process } from '../base/runtime.js';
import { ownNet } from '../net/node-net.js';
import { connect, createServer } from '../net.js';
import { isCalledFrom } from './callers.js';

type Call = (...args: readonly unknown[]) => unknown;

const ours = { connect, createServer } as unknown as Readonly<Record<'connect' | 'createServer', Call>>;
const nodes = ownNet as unknown as typeof ours;

const HTTP2_MODULE = 'NativeModule internal/http2/core';

let http2IsLoaded = false;

function isHttp2Loaded(): boolean {
  const { moduleLoadList = [] } = process as unknown as { readonly moduleLoadList?: readonly string[] };
  http2IsLoaded ||= moduleLoadList.includes(HTTP2_MODULE);
  return http2IsLoaded;
}

/**
 * A client of http2 passes `{ port, host, ...options }`. Its port is text, which few others have, unless the program's options
 * have one.
 */
function mayBeHttp2([options]: readonly unknown[]): boolean {
  if (typeof options !== 'object' || options === null) {
    return false;
  }
  const { port } = options as { readonly port?: unknown };
  if (typeof port === 'string') {
    return true;
  }
  const [first, second] = Object.keys(options);
  return first === 'port' && second === 'host' && isHttp2Loaded();
}

function connectMoved(...args: readonly unknown[]): unknown {
  const isNodes = mayBeHttp2(args) && isCalledFrom('node:internal/http2/');
  return (isNodes ? nodes : ours).connect(...args);
}

/** The primary process of a cluster listens with a server of `net`, and takes its handle. The listener is `assert.fail`. */
function mayBeCluster([listener]: readonly unknown[]): boolean {
  return typeof listener === 'function' && listener.name === 'fail' && nodeCluster.isPrimary;
}

function createServerMoved(...args: readonly unknown[]): unknown {
  const isNodes = mayBeCluster(args) && isCalledFrom('node:internal/cluster/');
  return (isNodes ? nodes : ours).createServer(...args);
}

Object.defineProperty(connectMoved, 'name', { value: 'connect' });
Object.defineProperty(createServerMoved, 'name', { value: 'createServer' });

/** As `net.connect` and `net.createConnection`. */
export const movedConnect = connectMoved as typeof nodeNet.connect;

/** As `net.createServer`. */
export const movedCreateServer = createServerMoved as typeof nodeNet.createServer;
