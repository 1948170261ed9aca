/** The arguments of `tls.connect`, and which of them need Node's own TLS. */

import { isIP } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { process } from '../../base/runtime.js';
import { lateTls } from '../../tls/late-modules.js';
import { normalizeArguments } from '../node-net.js';
import { isWindowsPipe } from '../server/listen-arguments.js';
import { hasNativeFlags, protocolNames, whyNoOpenSsl } from './node-server.js';
import { engineContextOf, hasForeignKeys } from './recorded-contexts.js';

/** The options of `tls.connect` that the engine's TLS looks at, with Node's defaults. */
export interface ClientOptions {
  readonly host?: string;
  readonly path?: string;
  readonly port?: unknown;
  readonly localAddress?: unknown;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
  readonly checkServerIdentity: (hostname: string, certificate: PeerCertificate) => Error | undefined;
  readonly minDHSize: number;
  readonly ALPNProtocols?: unknown;
  readonly session?: unknown;
  readonly secureContext?: object;
  readonly timeout?: number;
  readonly allowHalfOpen?: boolean;
  readonly highWaterMark?: number;
  readonly onread?: unknown;
  readonly signal?: AbortSignal;
  readonly keepAlive?: unknown;
  readonly keepAliveInitialDelay?: unknown;
  readonly noDelay?: unknown;
}

export type ConnectCallback = (...args: unknown[]) => void;

/** The options and the callback, from all shapes of arguments. */
export function clientArguments(args: readonly unknown[]): [ClientOptions, ConnectCallback | null] {
  const [normalized, callback] = normalizeArguments(args);
  const extra = [args[1], args[2]].find((value) => typeof value === 'object' && value !== null);
  const { checkServerIdentity } = lateTls();
  return [{ checkServerIdentity, minDHSize: 1024, ...normalized, ...extra } as ClientOptions, callback];
}

/** A function that has no types. */
interface WithConversion {
  convertALPNProtocols(given: unknown, converted: { ALPNProtocols?: Uint8Array }): void;
}

/** Names for ALPN: an array of them, or bytes in the form of the extension. */
export function clientProtocols({ ALPNProtocols: given }: ClientOptions): string[] {
  const converted: { ALPNProtocols?: Uint8Array } = {};
  if (given) {
    const { convertALPNProtocols } = lateTls() as unknown as WithConversion;
    convertALPNProtocols(given, converted);
  }
  return protocolNames(converted.ALPNProtocols);
}

/** Options with which Node's own TLS must connect. */
const NATIVE_OPTIONS = ['socket', 'pskCallback', 'requestOCSP', 'enableTrace', 'credentials', 'fd', 'handle'] as const;

/** Whether Node must say what it thinks of an option, or do what only native code can. */
export function needsNodesTls(options: ClientOptions): boolean {
  const given = options as unknown as Record<string, unknown>;
  const { servername, secureContext, rejectUnauthorized, checkServerIdentity, minDHSize } = options;
  return (
    NATIVE_OPTIONS.some((name) => Boolean(given[name])) ||
    hasForeignKeys(options) ||
    hasNativeFlags() ||
    isWindowsPipe(options.path) ||
    // It warns of the variable.
    (rejectUnauthorized === undefined && process.env.NODE_TLS_REJECT_UNAUTHORIZED === '0') ||
    (Boolean(servername) && (typeof servername !== 'string' || isIP(servername) !== 0)) ||
    typeof checkServerIdentity !== 'function' ||
    !(typeof minDHSize === 'number' && minDHSize > 0) ||
    (Boolean(secureContext) && engineContextOf(secureContext as object) === undefined) ||
    // A session of http2 will take the handle of the socket.
    clientProtocols(options).some((name) => name === 'h2' || name === '') ||
    whyNoOpenSsl() !== undefined
  );
}
