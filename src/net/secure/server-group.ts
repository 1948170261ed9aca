/** TLS of the connections that a server of `node:tls` or `node:https` accepts, on the engine. */

import type { Buffer } from 'node:buffer';
import { withCode } from '../../base/argument-errors.js';
import { type Preparation, type Prepare, ServerTls } from '../../engine/secure/server-tls.js';
import type { AsyncContext } from '../../port/async-context.js';
import { borrowCertificates, hasCertificate, nodeContextOf } from '../../tls/borrowed-certificate.js';
import { createSecureContext, type SecureContext } from '../../tls/context.js';
import { tlsLibrary } from '../../tls/library.js';
import { contextOptionsOf, type TlsListenOptions } from '../../tls/options.js';
import { preparationOf } from './key-cert.js';
import { hiddenOptionsOf, type NodeTlsServer, protocolNames } from './node-server.js';

/** The name that Node gives to an ALPN callback for clients that ask for none. */
const NO_NAME = false;

/** A context with the options of the server's, as `node:tls` uses that one too. Both know the keys of session tickets. */
function ownContext(server: NodeTlsServer): SecureContext {
  return createSecureContext({ ...contextOptionsOf(server), ticketKeys: server.getTicketKeys() });
}

/** `this` of ALPNCallback, which with Node is the socket: here there is no socket before the handshake is done. */
class OpeningSocket {
  readonly server: NodeTlsServer;
  #preparation: Preparation | undefined;

  constructor(server: NodeTlsServer, preparation: Preparation | undefined) {
    this.server = server;
    this.#preparation = preparation;
  }

  /** Chooses the certificate. @throws what `createSecureContext` throws; `ERR_TLS_INVALID_STATE` after the callback */
  setKeyCert(context: unknown): void {
    if (this.#preparation === undefined) {
      throw withCode(new Error('setKeyCert was called after ALPNCallback has returned'), 'ERR_TLS_INVALID_STATE');
    }
    this.#preparation.prepare = preparationOf(context);
  }

  /** The callback has returned. */
  chosen(): void {
    this.#preparation = undefined;
  }
}

/** The options as `listen` has them. They are read at each handshake, because the program may change the server's. */
class ServerOptions {
  readonly #server: NodeTlsServer;
  readonly secureContext: SecureContext;
  readonly handshakeTimeoutMs: number;
  readonly ALPNProtocols?: readonly string[];
  readonly ALPNCallback?: (
    offer: { servername: string | undefined; protocols: readonly string[] },
    preparation?: Preparation,
  ) => string | undefined;

  constructor(server: NodeTlsServer) {
    this.#server = server;
    this.secureContext = ownContext(server);
    this.handshakeTimeoutMs = hiddenOptionsOf(server)['handshake-timeout'] ?? 0;
    if (server.ALPNProtocols !== undefined) {
      this.ALPNProtocols = protocolNames(server.ALPNProtocols);
    }
    const { ALPNCallback: choose } = server;
    if (typeof choose === 'function') {
      this.ALPNCallback = ({ servername, protocols }, preparation) => {
        const opening = new OpeningSocket(server, preparation);
        try {
          return choose.call(opening, { servername: servername ?? NO_NAME, protocols: [...protocols] }) as
            | string
            | undefined;
        } finally {
          opening.chosen();
        }
      };
    }
  }

  get requestCert(): boolean {
    return this.#server.requestCert;
  }

  get rejectUnauthorized(): boolean {
    return this.#server.rejectUnauthorized;
  }

  get SNICallback(): TlsListenOptions['SNICallback'] {
    const server = this.#server;
    const own = hiddenOptionsOf(server).snicallback;
    if (own !== undefined) {
      return own.bind(server) as TlsListenOptions['SNICallback'];
    }
    return server._contexts.length === 0
      ? undefined
      : (servername, callback) => callback(null, contextFor(server, servername) as SecureContext | undefined);
  }
}

/** The context that was added last for a name. */
function contextFor(server: NodeTlsServer, servername: string): unknown {
  return server._contexts.findLast(([name]) => name.test(servername))?.[1];
}

function prepareFor(answer: unknown): Prepare {
  const context = nodeContextOf(answer);
  if (context === undefined) {
    throw new TypeError('Invalid SNI context');
  }
  // The server's own certificate stays if the context has none, as with Node.
  return (session) => hasCertificate(tlsLibrary(), context) && borrowCertificates(session, context);
}

/** Follows the context of a server of Node, which replaces it in `setSecureContext` and `setTicketKeys`. */
export class ServerGroup {
  readonly tls: ServerTls;
  readonly #server: NodeTlsServer;
  #seen: object;

  constructor(server: NodeTlsServer, callbacks: AsyncContext) {
    this.#server = server;
    this.#seen = server._sharedCreds;
    this.tls = new ServerTls(new ServerOptions(server) as TlsListenOptions, callbacks, {
      prepareFor,
      actsAsNodes: true,
    });
    const { setTicketKeys } = server;
    Object.defineProperty(server, 'setTicketKeys', {
      value: (keys: Buffer): void => {
        setTicketKeys.call(server, keys);
        this.#renew();
      },
      writable: true,
      configurable: true,
    });
  }

  #renew(): void {
    this.#seen = this.#server._sharedCreds;
    this.tls.setSecureContext(ownContext(this.#server));
  }

  /** A connection begins. */
  refresh(): void {
    if (this.#server._sharedCreds !== this.#seen) {
      this.#renew();
    }
  }
}
