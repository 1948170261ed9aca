/** `node:http` takes functions of `node:net` when it is loaded. Where that was before the preload, it gets ours afterwards. */

import type nodeNet from 'node:net';
import { process } from '../base/runtime.js';
import { ownNet } from '../net/node-net.js';

interface Http {
  readonly Server: { readonly prototype: object };
  readonly Agent: { readonly prototype: { createConnection: unknown } };
}

/** Modules that take something of `net` when they are loaded, by the names of their files in Node. */
const TAKERS: Readonly<Record<string, string>> = { http: '_http_server', tls: 'tls', http2: 'internal/http2/core' };

/** The modules of Node that were loaded before and have taken something of `net`. */
export function loadedBefore(): string[] {
  const { moduleLoadList = [] } = process as unknown as { readonly moduleLoadList?: readonly string[] };
  const loaded = new Set(moduleLoadList);
  return Object.keys(TAKERS).filter((name) => loaded.has(`NativeModule ${TAKERS[name]}`));
}

/** Gives an http that was loaded before what it would have taken now. Its servers that listen stay Node's own. */
export function mendHttp(moved: Pick<typeof nodeNet, 'Server' | 'connect'>): void {
  const http = process.getBuiltinModule('node:http') as unknown as Http;
  if (Object.getPrototypeOf(http.Server.prototype) === ownNet.Server.prototype) {
    Object.setPrototypeOf(http.Server.prototype, moved.Server.prototype);
    Object.setPrototypeOf(http.Server, moved.Server);
  }
  if (http.Agent.prototype.createConnection === ownNet.connect) {
    http.Agent.prototype.createConnection = moved.connect;
  }
}
