/** Servers of Node that hand their sockets to native code. */

import { type NodeTlsServer, whyNodesTls } from '../secure/node-server.js';
import type { ListeningServer } from './listening-server.js';

/** Methods that only `tls.Server` and `Http2Server` have, with what inherits from them: `https.Server`, `Http2SecureServer`. */
interface NativeServer {
  readonly setSecureContext?: unknown;
  readonly updateSettings?: unknown;
}

let passedSocketsStayNodes = false;

/**
 * The sockets of a server with `pauseOnConnect` stay Node's own from now on: the option exists to pass sockets on to child
 * processes, which is possible with handles only.
 */
export function keepPausedSockets(): void {
  passedSocketsStayNodes = true;
}

export function isTlsServer(server: ListeningServer): server is NodeTlsServer {
  return typeof (server as unknown as NativeServer).setSecureContext === 'function';
}

/**
 * Whether a server must have sockets of Node. Native code of http2, and of TLS where the engine's cannot do what the server
 * wants, works on their handles; over another stream it knows no addresses, and costs more.
 */
export function needsNodesSockets(server: ListeningServer): boolean {
  return (
    typeof (server as unknown as NativeServer).updateSettings === 'function' ||
    (isTlsServer(server) && (server.pauseOnConnect || whyNodesTls(server) !== undefined)) ||
    (passedSocketsStayNodes && server.pauseOnConnect)
  );
}
