/**
 * `overlapped/tls`: what `node:tls` exports, on the engine. Its types are those of `node:tls`. Servers and clients that want
 * what the engine's TLS cannot do are Node's own; docs/tls.md says which.
 */

import nodeTls from 'node:tls';
import { whyUnavailable } from './net/available.js';
import { warnUnavailable } from './net/available-warning.js';
import { connectSecurely } from './net/secure/connect.js';
import { createRecordedContext } from './net/secure/recorded-contexts.js';
import { makeTlsServer } from './net/secure/server.js';

const unavailable = whyUnavailable();

if (unavailable !== undefined) {
  warnUnavailable(unavailable);
}

const { connect: connectNodes } = nodeTls as unknown as { readonly connect: (...args: unknown[]) => unknown };

/** As `tls.Server`. Its servers are instances of Node's too. */
export const Server: typeof nodeTls.Server = unavailable === undefined ? makeTlsServer() : nodeTls.Server;

/** The type of `tls.Server`. */
export type Server = nodeTls.Server;

/** Node's own `tls.TLSSocket`: with `new` it puts TLS on a stream. Sockets of the engine are instances of it. */
export const TLSSocket: typeof nodeTls.TLSSocket = nodeTls.TLSSocket;

/** The type of `tls.TLSSocket`. */
export type TLSSocket = nodeTls.TLSSocket;

function connectNew(...args: unknown[]): nodeTls.TLSSocket {
  return connectSecurely(connectNodes, args);
}

Object.defineProperty(connectNew, 'name', { value: 'connect' });

function createNew(...args: unknown[]): nodeTls.Server {
  return Reflect.construct(Server, args) as nodeTls.Server;
}

Object.defineProperty(createNew, 'name', { value: 'createServer' });

/** As `tls.connect`. */
export const connect: typeof nodeTls.connect =
  unavailable === undefined ? (connectNew as typeof nodeTls.connect) : nodeTls.connect;

/** As `tls.createServer`. */
export const createServer: typeof nodeTls.createServer = createNew as typeof nodeTls.createServer;

/** As `tls.createSecureContext`. Its contexts are Node's, and `connect` can use them on the engine. */
export const createSecureContext: typeof nodeTls.createSecureContext = createRecordedContext;

export type * from 'node:tls';

/** Node's own `tls.checkServerIdentity`. */
export const checkServerIdentity: typeof nodeTls.checkServerIdentity = nodeTls.checkServerIdentity;

/** Node's own `tls.getCiphers`. */
export const getCiphers: typeof nodeTls.getCiphers = nodeTls.getCiphers;

/** Node's own `tls.rootCertificates`. */
export const rootCertificates: typeof nodeTls.rootCertificates = nodeTls.rootCertificates;

/** Programs set defaults such as `DEFAULT_MIN_VERSION`, which Node reads in its own object. */
function sharedValue(name: string): PropertyDescriptor {
  const shared = nodeTls as unknown as Record<string, unknown>;
  return {
    get: () => shared[name],
    set: (value: unknown) => {
      shared[name] = value;
    },
    enumerable: true,
    configurable: true,
  };
}

const values = Object.entries(Object.getOwnPropertyDescriptors(nodeTls))
  .filter(([, { value }]) => typeof value === 'string' || typeof value === 'number')
  .map(([name]) => [name, sharedValue(name)] as const);

/** All of it as one object, with what else this Node's `tls` has. */
const tls: typeof nodeTls = Object.defineProperties(
  {},
  {
    ...Object.getOwnPropertyDescriptors(nodeTls),
    ...Object.fromEntries(values),
    ...Object.getOwnPropertyDescriptors({ Server, TLSSocket, connect, createServer, createSecureContext }),
  },
) as typeof nodeTls;

export default tls;
