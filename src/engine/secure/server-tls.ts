/** TLS of a server: its contexts, by name, and what it demands of its clients. */

import { invalidValue } from '../../base/argument-errors.js';
import { process } from '../../base/runtime.js';
import type { AsyncContext } from '../../port/async-context.js';
import type { ClientHello } from '../../tls/client-hello.js';
import { addressOfContext, createSecureContext, limitsSessions, SecureContext } from '../../tls/context.js';
import { tlsError, verifyCodeOf } from '../../tls/errors.js';
import { lateCrypto } from '../../tls/late-modules.js';
import { ProtocolList, tlsLibrary } from '../../tls/library.js';
import { type ContextOptions, contextOptionsOf, type TlsListenOptions } from '../../tls/options.js';
import { TlsSession } from '../../tls/session.js';
import { peerCertificateOf } from '../../tls/session-info.js';
import { errorOf } from '../connection-core/handler-table.js';
import { ticksOf } from '../scheduling/timer-wheel.js';
import type { Judgement, NewSession, SecureGroup } from './secure-group.js';

export const HANDSHAKE_MS = 10_000;

const SSL_VERIFY_NONE = 0;
const SSL_VERIFY_PEER = 1;
const SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 2;

/** A name of DNS, whose first label may be a star. */
const HOSTNAME = /^(?:\*\.)?[\w-]+(?:\.[\w-]+)*\.?$/;

/** @throws TypeError `ERR_INVALID_ARG_VALUE` */
export function checkHostname(hostname: unknown): asserts hostname is string {
  if (typeof hostname !== 'string' || !HOSTNAME.test(hostname)) {
    throw invalidValue('hostname', 'a name such as example.com or *.example.com', hostname);
  }
}

/** A context that a server was given after its start: its own if there is no name. */
export interface GivenContext {
  readonly hostname: string | undefined;
  readonly options: ContextOptions;
}

/** ALPNCallback of a stand-in for `node:tls`. */
type AlpnCallback = (
  offer: Parameters<NonNullable<TlsListenOptions['ALPNCallback']>>[0],
  preparation: Preparation,
) => unknown;

type Done = (begun: NewSession | Error) => void;

/** Prepares a session whose context is the server's own for what the program has chosen instead of a context of ours. */
export type Prepare = (session: TlsSession) => void;

/** A server that is a stand-in for one of `node:tls` lets ALPNCallback prepare the session, too. */
export interface Preparation {
  prepare: Prepare | undefined;
}

/** Settings of a stand-in for `node:tls`, which `listen` has no options for. */
export interface ServerTlsExtras {
  /** Accepts other answers of SNICallback. @returns undefined for what is no answer */
  readonly prepareFor?: (answer: unknown) => Prepare | undefined;
  /** As `SecureGroup` has it. */
  readonly actsAsNodes?: boolean;
}

/** Servers that OpenSSL asks for certificates need one to resume sessions; the default is that of node:tls. */
function sessionIdContext(): string {
  return lateCrypto().createHash('sha1').update(process.argv.join(' ')).digest('hex').slice(0, 32);
}

function contextOf(options: TlsListenOptions | ContextOptions | SecureContext): SecureContext {
  if (options instanceof SecureContext) {
    return options;
  }
  const own = (options as TlsListenOptions).secureContext ?? undefined;
  return (
    own ??
    createSecureContext({ honorCipherOrder: true, sessionIdContext: sessionIdContext(), ...contextOptionsOf(options) })
  );
}

export class ServerTls implements SecureGroup {
  readonly side = 'server';
  readonly servername = undefined;
  readonly handshakeTicks: number;
  readonly actsAsNodes: boolean;
  readonly #prepareFor: ServerTlsExtras['prepareFor'];
  readonly #options: TlsListenOptions;
  readonly #protocols: ProtocolList | undefined;
  readonly #callbacks: AsyncContext;
  readonly #contexts = new Map<string, SecureContext>();
  #context: SecureContext;

  /** @throws OperationError `ERR_TLS_UNAVAILABLE`; what Node throws for wrong options of a context */
  constructor(options: TlsListenOptions, callbacks: AsyncContext, extras: ServerTlsExtras = {}) {
    this.#options = options;
    this.actsAsNodes = extras.actsAsNodes === true;
    this.#prepareFor = extras.prepareFor;
    this.#callbacks = callbacks;
    this.handshakeTicks = ticksOf(options.handshakeTimeoutMs ?? HANDSHAKE_MS);
    const names = options.ALPNProtocols ?? undefined;
    this.#protocols = names === undefined ? undefined : new ProtocolList(names);
    this.#context = this.#prepared(contextOf(options));
  }

  /** Sets the callbacks that the server needs of a context. */
  #prepared(context: SecureContext): SecureContext {
    const library = tlsLibrary();
    if (this.#protocols !== undefined || typeof this.#options.ALPNCallback === 'function') {
      library.chooseProtocols(addressOfContext(context));
    }
    if (typeof this.#options.keylog === 'function') {
      library.logKeys(addressOfContext(context));
    }
    return context;
  }

  /** Connections that begin from now on use this context. */
  setSecureContext(options: ContextOptions | SecureContext): void {
    this.#context = this.#prepared(contextOf(options));
  }

  /** Clients that ask for the name get this context. A later one for the same name replaces it. */
  addContext(hostname: string, options: ContextOptions | SecureContext): void {
    checkHostname(hostname);
    this.#contexts.set(hostname.toLowerCase(), this.#prepared(contextOf(options)));
  }

  /** Sets the server's own context, or adds one for a name. */
  give({ hostname, options }: GivenContext): void {
    if (hostname === undefined) {
      this.setSecureContext(options);
    } else {
      this.addContext(hostname, options);
    }
  }

  /** The context that was added for a name, or for all names beside it. */
  #contextFor(servername: string): SecureContext | undefined {
    const name = servername.toLowerCase();
    const dot = name.indexOf('.');
    return this.#contexts.get(name) ?? (dot < 0 ? undefined : this.#contexts.get(`*${name.slice(dot)}`));
  }

  begin(hello: ClientHello | undefined, done: Done): void {
    const servername = hello?.servername;
    const { SNICallback } = this.#options;
    const added = servername === undefined ? undefined : this.#contextFor(servername);
    if (servername === undefined || added !== undefined || typeof SNICallback !== 'function') {
      this.#start(added ?? this.#context, hello, done);
      return;
    }
    let called = false;
    const answered = (error: unknown, context?: unknown): void => {
      if (!called) {
        called = true;
        this.#answered(error, context, hello, done);
      }
    };
    try {
      this.#callbacks.enter(SNICallback, this.#options, servername, answered);
    } catch (error) {
      answered(errorOf(error));
    }
  }

  /** The program has answered SNICallback. */
  #answered(error: unknown, context: unknown, hello: ClientHello | undefined, done: Done): void {
    if ((error ?? undefined) !== undefined) {
      done(errorOf(error));
    } else if ((context ?? undefined) === undefined) {
      this.#start(this.#context, hello, done);
    } else if (context instanceof SecureContext) {
      this.#start(this.#prepared(context), hello, done);
    } else {
      this.#startOn(context, hello, done);
    }
  }

  /** The program has answered with what is no context of ours. */
  #startOn(answer: unknown, hello: ClientHello | undefined, done: Done): void {
    let prepare: Prepare | undefined;
    try {
      prepare = this.#prepareFor?.(answer);
    } catch (error) {
      done(errorOf(error));
      return;
    }
    if (prepare !== undefined) {
      this.#start(this.#context, hello, done, prepare);
    } else {
      done(
        tlsError(
          'ERR_TLS_INVALID_CONTEXT',
          'SNICallback has called back with what createSecureContext has not made',
          'tls handshake',
        ),
      );
    }
  }

  #start(context: SecureContext, hello: ClientHello | undefined, done: Done, prepare?: Prepare): void {
    let begun: NewSession | Error;
    let session: TlsSession | undefined;
    try {
      const preparation: Preparation = { prepare };
      const protocols = this.#protocolsFor(hello, preparation);
      session = new TlsSession(tlsLibrary(), context, 'server');
      preparation.prepare?.(session);
      this.#demandCertificate(session);
      begun = { session, hooks: { protocols, keylog: this.#options.keylog ?? undefined } };
    } catch (error) {
      session?.free();
      begun = errorOf(error);
    }
    done(begun);
  }

  #protocolsFor(hello: ClientHello | undefined, preparation: Preparation): ProtocolList | undefined {
    const { ALPNCallback } = this.#options;
    if (typeof ALPNCallback !== 'function' || hello === undefined || hello.alpnProtocols.length === 0) {
      return this.#protocols;
    }
    const { servername, alpnProtocols } = hello;
    const offer = { servername, protocols: alpnProtocols };
    const chosen: unknown = this.actsAsNodes
      ? this.#callbacks.enter(ALPNCallback as AlpnCallback, this.#options, offer, preparation)
      : this.#callbacks.enter(ALPNCallback, this.#options, offer);
    if ((chosen ?? undefined) === undefined) {
      // OpenSSL finds nothing in it, and refuses the client with the alert of ALPN.
      return new ProtocolList([]);
    }
    if (typeof chosen !== 'string' || !alpnProtocols.includes(chosen)) {
      throw tlsError(
        'ERR_TLS_ALPN_CALLBACK_INVALID_RESULT',
        'ALPNCallback has chosen a protocol that was not offered',
        'tls handshake',
      );
    }
    // Its characters are the bytes that the client has sent.
    return new ProtocolList([chosen], 'latin1');
  }

  #demandCertificate(session: TlsSession): void {
    if (this.#options.requestCert !== true) {
      session.verify(SSL_VERIFY_NONE, 'refuse');
      return;
    }
    // Without a name OpenSSL fails whenever a session could be resumed.
    if (!limitsSessions(session.context)) {
      session.limitSessions(sessionIdContext());
    }
    if (this.#options.rejectUnauthorized === false) {
      session.verify(SSL_VERIFY_PEER, 'go on');
    } else {
      session.verify(SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, 'refuse');
    }
  }

  /** OpenSSL itself refuses clients, with an alert. */
  refuses(): undefined {
    return undefined;
  }

  judge(session: TlsSession): Judgement {
    if (this.#options.requestCert !== true) {
      return { authorized: false, authorizationError: undefined, refusal: undefined };
    }
    const shown = peerCertificateOf(session) !== undefined;
    const authorizationError = shown ? verifyCodeOf(session.verifyResult) : 'UNABLE_TO_GET_ISSUER_CERT';
    return { authorized: authorizationError === undefined, authorizationError, refusal: undefined };
  }
}
