/**
 * A server of `node:tls` or `node:https`, as the engine's TLS reads it. Node's constructor has checked its options and keeps
 * them in properties, and a program may change them while the server listens.
 */

import { Buffer } from 'node:buffer';
import { process } from '../../base/runtime.js';
import { isLack, openSsl } from '../../ffi/openssl.js';
import type { ListeningServer } from '../server/listening-server.js';

/** Contexts by name: `addContext`. */
type NamedContext = readonly [name: RegExp, context: unknown];

type SniCallback = (servername: string, callback: (error: Error | null, context?: unknown) => void) => void;

/** The properties in which Node keeps the options of a server. */
export interface NodeTlsServer extends ListeningServer {
  readonly _contexts: readonly NamedContext[];
  readonly _sharedCreds: object;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly ALPNProtocols?: Uint8Array;
  readonly ALPNCallback?: (offer: { readonly servername: string | false; readonly protocols: string[] }) => unknown;
  readonly clientCertEngine?: unknown;
  readonly privateKeyIdentifier?: unknown;
  readonly privateKeyEngine?: unknown;
  getTicketKeys(): Buffer;
  setTicketKeys(keys: Buffer): void;
}

/** Options that Node keeps under symbols, by the descriptions of these. */
interface HiddenOptions {
  readonly snicallback?: SniCallback;
  readonly 'handshake-timeout'?: number;
  readonly pskcallback?: unknown;
  readonly pskidentityhint?: unknown;
  readonly enableTrace?: unknown;
}

const HIDDEN: ReadonlySet<unknown> = new Set<keyof HiddenOptions>([
  'snicallback',
  'handshake-timeout',
  'pskcallback',
  'pskidentityhint',
  'enableTrace',
]);

export function hiddenOptionsOf(server: object): HiddenOptions {
  const symbols = Object.getOwnPropertySymbols(server).filter(({ description }) => HIDDEN.has(description));
  return Object.fromEntries(
    symbols.map((symbol) => [symbol.description, (server as Record<symbol, unknown>)[symbol]]),
  ) as HiddenOptions;
}

/** Names in the form of the extension, each after its length. */
export function protocolNames(wire: Uint8Array | undefined): string[] {
  const names: string[] = [];
  for (let at = 0; wire !== undefined && at < wire.length; at += (wire[at] as number) + 1) {
    names.push(Buffer.from(wire.subarray(at + 1, at + 1 + (wire[at] as number))).toString());
  }
  return names;
}

/** Events of a server that native code emits in the middle of a handshake. */
const NATIVE_EVENTS = ['OCSPRequest', 'newSession', 'resumeSession', 'keylog'] as const;

/** Options of Node's own code of TLS. */
const NATIVE_FLAGS = /^--(?:trace-tls|tls-keylog)\b/;

let flagged: boolean | undefined;

export function hasNativeFlags(): boolean {
  flagged ??= [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)].some((flag) =>
    NATIVE_FLAGS.test(flag),
  );
  return flagged;
}

/** Why the engine has no TLS on the OpenSSL of `node:tls`, whose contexts and ticket keys the server's are. */
export function whyNoOpenSsl(): string | undefined {
  const found = openSsl();
  if (isLack(found)) {
    return found.reason;
  }
  return found.contexts === undefined ? undefined : 'the engine has another OpenSSL than Node';
}

/** Why the program's listeners need Node's own TLS for the next connections; undefined if they do not. */
export function whyListenersNeedNodes(server: NodeTlsServer): string | undefined {
  for (const event of NATIVE_EVENTS) {
    if (server.listenerCount(event) > 0) {
      return `it listens to ${event}`;
    }
  }
  // Node's own listener begins the handshake. Others get sockets without TLS.
  return server.listenerCount('connection') === 1 ? undefined : 'it listens to connection';
}

/** Why a server must run on Node's own TLS; undefined if the engine's can do all that it wants. */
export function whyNodesTls(server: NodeTlsServer): string | undefined {
  const hidden = hiddenOptionsOf(server);
  const protocols = protocolNames(server.ALPNProtocols);
  if ('updateSettings' in server || protocols.includes('h2') || protocols.includes('')) {
    return 'native code of http2 takes its connections';
  }
  if (hidden.pskcallback || hidden.pskidentityhint || hidden.enableTrace || hasNativeFlags()) {
    return 'it uses keys that were shared before, or traces';
  }
  if (server.clientCertEngine || server.privateKeyEngine || server.privateKeyIdentifier) {
    return 'its keys are in an engine of OpenSSL';
  }
  return whyNoOpenSsl() ?? whyListenersNeedNodes(server);
}
