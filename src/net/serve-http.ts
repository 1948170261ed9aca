/** An http server of Node on the connections of `listen`. */

import type { Server as HttpServer } from 'node:http';
import { process } from '../base/runtime.js';
import type { Connection } from '../engine/connection.js';

/** The part of the handlers of `listen` that serves HTTP. */
export interface HttpHandlers {
  /** Hands a new connection to the http server. */
  open(connection: Connection): void;
  /** The server closes: idle connections of the http server are closed, and answers finish. */
  serverClosing(): void;
}

/** Servers whose time limits are alive. */
const watched = new WeakSet<HttpServer>();

/**
 * An http server begins to look at its time limits (`headersTimeout`, `requestTimeout`) and its idle connections when it
 * listens itself: its first listener of `listening` does that (lib/_http_server.js, `setupConnectionsTracking`).
 */
function watchConnections(server: HttpServer): void {
  if (watched.has(server) || server.listening) {
    return;
  }
  watched.add(server);
  const begin = server.listeners('listening').find(({ name }) => name === 'setupConnectionsTracking');
  begin?.call(server);
}

/**
 * Returns the handlers of a `listen` that serve HTTP with an http server of Node, which does not listen itself. The server's
 * time limits are alive, as if it listened; `server.close()` ends them.
 * @example
 * const http = createServer((request, response) => response.end('hello'));
 * const server = await listen({ port: 8080, ...serveHttp(http) });
 */
export function serveHttp(server: HttpServer): HttpHandlers {
  watchConnections(server);
  let isClosing = false;
  return {
    open: (connection) => {
      server.emit('connection', connection.toDuplex());
    },
    serverClosing: () => {
      // It is called for each connection, and closes all that are idle.
      if (!isClosing) {
        isClosing = true;
        process.nextTick(() => {
          isClosing = false;
          server.closeIdleConnections();
        });
      }
    },
  };
}
