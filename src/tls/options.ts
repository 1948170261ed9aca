/** The option `tls` of `listen` and of `connect`: Node's names, checked. Values that Node checks itself are left to Node. */

import { Buffer } from 'node:buffer';
import type { SecureContextOptions as NodeOptions, PeerCertificate } from 'node:tls';
import { invalidType, invalidValue } from '../base/argument-errors.js';
import { isBytes } from '../base/bytes.js';
import {
  ANY_TIME,
  aBoolean,
  aFunction,
  aNumber,
  anArrayOfStrings,
  anything,
  aString,
  type Check,
  checkOptions,
  missingFrom,
  namesOf,
  OF_CONNECT,
  OF_LISTEN,
  type OptionRules,
  type OptionTable,
} from '../base/validate.js';
import { loadKoffi } from '../ffi/koffi.js';
import { SecureContext } from './context.js';

/** Options of a secure context, as `tls.createSecureContext` takes them. */
export type ContextOptions = Omit<
  NodeOptions,
  'ALPNCallback' | 'clientCertEngine' | 'privateKeyEngine' | 'privateKeyIdentifier'
>;

/** Options that both ends have. */
export interface TlsOptions extends ContextOptions {
  /** A context of `createSecureContext` of overlapped. With it, no options of a context may be given. */
  readonly secureContext?: SecureContext;
  /** The protocols for ALPN, the preferred one first: names of 1 to 255 bytes. A peer that offers others only is refused. */
  readonly ALPNProtocols?: readonly string[];
  /**
   * The longest time of a handshake, in ms; after that the connection is closed, `handshake_timeout`. 0 or Infinity is no
   * limit.
   * @default 10000
   */
  readonly handshakeTimeoutMs?: number;
  /** Called with each line of a key log (SSLKEYLOGFILE), which can decrypt the connection: for debugging only. */
  readonly keylog?: (line: string) => void;
  /**
   * Whether a peer whose certificate is not verified is refused. On a server it matters with `requestCert`.
   * @default true
   */
  readonly rejectUnauthorized?: boolean;
}

/** The option `tls` of `listen`. */
export interface TlsListenOptions extends TlsOptions {
  /**
   * Whether clients are asked for a certificate, which is verified against `ca`.
   * @default false
   */
  readonly requestCert?: boolean;
  /** Chooses the context for the name that a client asks for. Without a context in the callback, the server's own is used. */
  readonly SNICallback?: (
    servername: string,
    callback: (error: Error | null, context?: SecureContext | null) => void,
  ) => void;
  /** Chooses the protocol for ALPN, instead of `ALPNProtocols`. It returns one of `protocols`, or undefined to refuse. */
  readonly ALPNCallback?: (offer: {
    readonly servername: string | undefined;
    readonly protocols: readonly string[];
  }) => string | undefined;
}

/** The option `tls` of `connect`. */
export interface TlsConnectOptions extends TlsOptions {
  /**
   * The name to ask the server for (SNI), and that its certificate must have.
   * @default the host
   */
  readonly servername?: string;
  /**
   * Checks the server's certificate once it is verified. It returns an error to refuse it.
   * @default tls.checkServerIdentity
   */
  readonly checkServerIdentity?: (hostname: string, certificate: PeerCertificate) => Error | undefined;
  /** The session to resume: `connection.tls.session` of an earlier connection to the same server. */
  readonly session?: Uint8Array;
}

const PROTOCOL_BYTES_MAX = 255;

/** Protocols take two bytes of length in the extension. */
const PROTOCOLS_BYTES_MAX = 65_535;

function protocols(name: string, value: unknown): void {
  anArrayOfStrings(name, value);
  const lengths = (value as readonly string[]).map((protocol) => Buffer.byteLength(protocol));
  const total = lengths.reduce((sum, length) => sum + length + 1, 0);
  if (
    lengths.some((length) => length === 0 || length > PROTOCOL_BYTES_MAX) ||
    total > PROTOCOLS_BYTES_MAX ||
    total === 0
  ) {
    throw invalidValue(name, `names of 1 to ${PROTOCOL_BYTES_MAX} bytes`, value);
  }
}

function aSecureContext(name: string, value: unknown): void {
  if (!(value instanceof SecureContext)) {
    throw invalidType(name, 'a context of createSecureContext of overlapped, as node:tls must not use it too', value);
  }
}

function bytes(name: string, value: unknown): void {
  if (!isBytes(value)) {
    throw invalidType(name, 'bytes (Uint8Array)', value);
  }
}

/** Node checks these. */
export const CONTEXT_OPTIONS = {
  allowPartialTrustChain: anything,
  ca: anything,
  cert: anything,
  ciphers: anything,
  crl: anything,
  dhparam: anything,
  ecdhCurve: anything,
  honorCipherOrder: anything,
  key: anything,
  maxVersion: anything,
  minVersion: anything,
  passphrase: anything,
  pfx: anything,
  secureOptions: anything,
  secureProtocol: anything,
  sessionIdContext: anything,
  sessionTimeout: anything,
  sigalgs: anything,
  ticketKeys: anything,
} as const satisfies Partial<Record<keyof ContextOptions | 'allowPartialTrustChain', Check>>;

const BOTH = {
  ...CONTEXT_OPTIONS,
  secureContext: aSecureContext,
  ALPNProtocols: protocols,
  handshakeTimeoutMs: aNumber(ANY_TIME),
  keylog: aFunction,
  rejectUnauthorized: aBoolean,
} as const satisfies OptionTable;

const LISTEN = {
  ...BOTH,
  requestCert: aBoolean,
  SNICallback: aFunction,
  ALPNCallback: aFunction,
} as const satisfies Record<keyof TlsListenOptions | 'allowPartialTrustChain', Check>;

const CONNECT = {
  ...BOTH,
  servername: aString,
  checkServerIdentity: aFunction,
  session: bytes,
} as const satisfies Record<keyof TlsConnectOptions | 'allowPartialTrustChain', Check>;

/** Names that programs may try. */
const OTHER_NAMES = {
  handshakeTimeout: 'handshakeTimeoutMs',
  timeout: 'handshakeTimeoutMs',
  host: 'servername',
  hostname: 'servername',
  alpn: 'ALPNProtocols',
  certificate: 'cert',
  rejectUnauthorised: 'rejectUnauthorized',
};

function rulesOf(table: OptionTable, other: OptionTable, where: string): OptionRules {
  return {
    what: 'tls',
    prefix: 'tls.',
    table,
    meant: namesOf(OTHER_NAMES, table),
    elsewhere: {
      ...missingFrom(table, other, where),
      requestOCSP: 'stapled answers of OCSP are not supported',
      pskCallback: 'keys that were shared before are not supported',
      enableTrace: 'traces are not supported; there is keylog',
    },
  };
}

const LISTEN_RULES = rulesOf(LISTEN, CONNECT, OF_CONNECT);
const CONNECT_RULES = rulesOf(CONNECT, LISTEN, OF_LISTEN);

/**
 * Loads koffi before an engine is made for TLS: OpenSSL reads and writes the engine's memory, and memory that was made
 * without koffi has no addresses. If it cannot be loaded, `requireOpenSsl` says why.
 */
function prepareMemory(): void {
  try {
    loadKoffi();
  } catch {}
}

function checkTls(value: unknown, rules: OptionRules): void {
  prepareMemory();
  checkOptions(value, rules);
  const { secureContext } = value as TlsOptions;
  const [extra] = Object.entries(contextOptionsOf(value as TlsOptions));
  if ((secureContext ?? undefined) !== undefined && extra !== undefined) {
    throw invalidValue(`tls.${extra[0]}`, 'none with secureContext, which has its own', extra[1]);
  }
}

/** Checks the option of `listen`. */
export function tlsOfListen(_name: string, value: unknown): void {
  checkTls(value, LISTEN_RULES);
}

/** Checks the option of `connect`. `true` means the defaults. */
export function tlsOfConnect(_name: string, value: unknown): void {
  if (value === true) {
    prepareMemory();
  } else {
    checkTls(value, CONNECT_RULES);
  }
}

/** The options of a context among those of `tls`. */
export function contextOptionsOf(options: object): ContextOptions {
  const given = options as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.keys(CONTEXT_OPTIONS).flatMap((name) =>
      (given[name] ?? undefined) === undefined ? [] : [[name, given[name]]],
    ),
  );
}
