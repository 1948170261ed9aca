/** TLS of a connection that `connect` makes. */

import type { Buffer } from 'node:buffer';
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import type { AsyncContext } from '../../port/async-context.js';
import { addressOfContext, createSecureContext, type SecureContext } from '../../tls/context.js';
import { tlsError } from '../../tls/errors.js';
import { lateTls } from '../../tls/late-modules.js';
import { type HandshakeHooks, ProtocolList, tlsLibrary } from '../../tls/library.js';
import { contextOptionsOf, type TlsConnectOptions } from '../../tls/options.js';
import { areSameRoots, rootsOfNode } from '../../tls/roots.js';
import type { TlsSession } from '../../tls/session.js';
import { peerCertificateOf, protocolOf } from '../../tls/session-info.js';
import { errorOf } from '../connection-core/handler-table.js';
import { ticksOf } from '../scheduling/timer-wheel.js';
import { ClientSide } from './client-side.js';
import { HANDSHAKE_MS } from './server-tls.js';

/** The context of clients without options of their own, and the defaults that it was made with. */
let ofDefaults: { context: SecureContext; defaults: string; roots: readonly string[] } | undefined;

interface Defaults {
  readonly DEFAULT_CIPHERS?: string;
  readonly DEFAULT_ECDH_CURVE?: string;
  readonly DEFAULT_MAX_VERSION?: string;
  readonly DEFAULT_MIN_VERSION?: string;
  readonly setDefaultCACertificates?: unknown;
}

/** In place of the roots, where a program cannot change them: the first look at them takes milliseconds. */
const UNCHANGING: readonly string[] = [];

function contextOfDefaults(): SecureContext {
  const tls = lateTls() as Defaults;
  const { DEFAULT_CIPHERS, DEFAULT_ECDH_CURVE, DEFAULT_MAX_VERSION, DEFAULT_MIN_VERSION } = tls;
  const defaults = [DEFAULT_CIPHERS, DEFAULT_ECDH_CURVE, DEFAULT_MAX_VERSION, DEFAULT_MIN_VERSION].join();
  const roots = tls.setDefaultCACertificates === undefined ? UNCHANGING : rootsOfNode();
  if (ofDefaults?.defaults !== defaults || !areSameRoots(ofDefaults.roots, roots)) {
    ofDefaults = { context: createSecureContext(), defaults, roots };
  }
  return ofDefaults.context;
}

function contextOf(options: TlsConnectOptions): SecureContext {
  const own = options.secureContext ?? undefined;
  if (own !== undefined) {
    return own;
  }
  const given = contextOptionsOf(options);
  return Object.keys(given).length > 0 ? createSecureContext(given) : contextOfDefaults();
}

export class ClientTls extends ClientSide {
  readonly actsAsNodes = false;
  readonly handshakeTicks: number;
  readonly servername: string | undefined;
  readonly #options: TlsConnectOptions;
  readonly #hostname: string;
  protected readonly context: SecureContext;
  protected readonly protocols: ProtocolList | undefined;
  readonly #callbacks: AsyncContext;
  /** The last certificate that was checked, and why it is not that of the host. */
  #checked: { readonly certificate: Buffer; readonly error: Error | undefined } | undefined;

  /**
   * @param host that the program has named
   * @throws OperationError `ERR_TLS_UNAVAILABLE`; what Node throws for wrong options of a context
   */
  constructor(options: TlsConnectOptions, host: string | undefined, callbacks: AsyncContext) {
    super();
    this.#options = options;
    this.#callbacks = callbacks;
    this.handshakeTicks = ticksOf(options.handshakeTimeoutMs ?? HANDSHAKE_MS);
    this.#hostname = (options.servername ?? undefined) || host || 'localhost';
    // An address is no name to ask for (RFC 6066, section 3).
    this.servername = isIP(this.#hostname) === 0 ? this.#hostname : undefined;
    const names = options.ALPNProtocols ?? undefined;
    this.protocols = names === undefined ? undefined : new ProtocolList(names);
    this.context = contextOf(options);
    if (typeof options.keylog === 'function') {
      tlsLibrary().logKeys(addressOfContext(this.context));
    }
  }

  protected get rejects(): boolean {
    return this.#options.rejectUnauthorized !== false;
  }

  protected get session(): Uint8Array | undefined {
    return this.#options.session ?? undefined;
  }

  protected prepared(): HandshakeHooks['keylog'] {
    return this.#options.keylog ?? undefined;
  }

  refusesBeforeEnd(session: TlsSession): Error | undefined {
    return this.rejects && protocolOf(session) !== 'TLSv1.3' ? this.identityError(session) : undefined;
  }

  protected authorizationErrorOf(error: Error): string {
    const { code } = error as { readonly code?: unknown };
    return typeof code === 'string' ? code : error.message;
  }

  /** Whether the certificate is that of the host. */
  protected identityError(session: TlsSession): Error | undefined {
    const certificate = peerCertificateOf(session);
    if (certificate === undefined) {
      return tlsError('ERR_TLS_NO_CERTIFICATE', 'The server has shown no certificate', 'tls handshake');
    }
    // Only for the very same certificate the program is not called again.
    if (this.#checked?.certificate.equals(certificate.raw) !== true) {
      this.#checked = { certificate: certificate.raw, error: this.#check(certificate) };
    }
    return this.#checked?.error;
  }

  #check(certificate: X509Certificate): Error | undefined {
    const check = this.#options.checkServerIdentity ?? lateTls().checkServerIdentity;
    try {
      return (
        this.#callbacks.enter(check, this.#options, this.#hostname, certificate.toLegacyObject() as PeerCertificate) ??
        undefined
      );
    } catch (error) {
      return errorOf(error);
    }
  }
}
