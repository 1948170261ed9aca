/**
 * `node:tls` of a process with the preload. Most programs never load it, so its functions are replaced once it is loaded.
 * Servers need none of that: they listen with the method of `net.Server`.
 */

import { syncBuiltinESMExports } from 'node:module';
import nodeNet from 'node:net';
import type nodeTls from 'node:tls';
import { process, queueMicrotask } from '../base/runtime.js';
import { ownNet } from '../net/node-net.js';
import { connectSecurely } from '../net/secure/connect.js';
import { createRecordedContext, keepNodes } from '../net/secure/recorded-contexts.js';

/**
 * The binding of the file of Node that has its classes: `_tls_wrap`, in newer versions `internal/tls/wrap`. The file loads
 * it before it reads `net.Server`, and is on the list itself only when it is complete.
 */
const TLS_BINDING = 'Internal Binding tls_wrap';

function isLoaded(): boolean {
  const { moduleLoadList = [] } = process as unknown as { readonly moduleLoadList?: readonly string[] };
  return moduleLoadList.includes(TLS_BINDING);
}

function moveTls(): void {
  const tls = process.getBuiltinModule('node:tls') as typeof nodeTls;
  const nodes = tls.connect as unknown as (...args: unknown[]) => unknown;
  keepNodes(tls);
  function connect(...args: unknown[]): nodeTls.TLSSocket {
    return connectSecurely(nodes, args);
  }
  Object.assign(tls, { connect, createSecureContext: createRecordedContext });
}

/** Replaces functions of `node:tls`, now or when it is loaded. @param Server the moved class, in the place of Node's */
export function watchTls(Server: typeof nodeNet.Server): void {
  if (isLoaded()) {
    mendServers(Server);
    moveTls();
    return;
  }
  const place = (value: unknown): void => {
    Object.defineProperty(nodeNet, 'Server', { value, writable: true, enumerable: true, configurable: true });
  };
  let loading = false;
  Object.defineProperty(nodeNet, 'Server', {
    get(): unknown {
      if (!loading && isLoaded()) {
        loading = true;
        place(Server);
        // The module is not complete yet. What a program does before, in the same call, is done by Node.
        queueMicrotask(() => {
          moveTls();
          syncBuiltinESMExports();
        });
      }
      return Server;
    },
    set: place,
    enumerable: true,
    configurable: true,
  });
}

/** Gives the servers of a `node:tls` that was loaded before the methods of ours. */
function mendServers(Server: typeof nodeNet.Server): void {
  const { Server: TlsServer } = process.getBuiltinModule('node:tls') as typeof nodeTls;
  if (Object.getPrototypeOf(TlsServer.prototype) === ownNet.Server.prototype) {
    Object.setPrototypeOf(TlsServer.prototype, Server.prototype);
    Object.setPrototypeOf(TlsServer, Server);
  }
}
