/**
 * `TLSSocket`: a socket whose connection has TLS. Reads and writes are those of all sockets; here is what only `TLSSocket` of
 * `node:tls` has.
 */

import type { Buffer } from 'node:buffer';
import type { X509Certificate } from 'node:crypto';
import { withCode } from '../../base/argument-errors.js';
import { isBytes } from '../../base/bytes.js';
import { process } from '../../base/runtime.js';
import { SecureConnection } from '../../engine/secure/secure-connection.js';
import { SECURED } from '../../engine/secure/secure-state.js';
import { lateTls } from '../../tls/late-modules.js';
import type { TlsSession } from '../../tls/session.js';
import * as details from '../../tls/session-details.js';
import * as info from '../../tls/session-info.js';
import { traceSession } from '../../tls/session-trace.js';
import { invalidArgType, outOfRange } from '../errors.js';
import type { CallableSocket } from '../node-net.js';
import { acceptedKind } from '../socket/accepted.js';
import { Socket } from '../socket/socket.js';
import { type NetSocket, STATE } from '../socket/state.js';
import { peerCertificateWithIssuers, peerX509Of, plainCertificate } from './certificates.js';
import { preparationOf } from './key-cert.js';

/** A socket with TLS. */
interface NetTlsSocket extends NetSocket {
  _requestCert: boolean;
  _rejectUnauthorized: boolean;
}

/** Its connection, also after its end. */
function connectionOf(socket: NetSocket): SecureConnection | undefined {
  const { lastConnection } = socket[STATE];
  return lastConnection instanceof SecureConnection ? lastConnection : undefined;
}

/** Its session, until the socket is destroyed: as with Node, whose sockets have no handle any more then. */
function sessionOf(socket: NetSocket): TlsSession | undefined {
  const { connection } = socket[STATE];
  const session = connection instanceof SecureConnection ? connection.secure.session : undefined;
  return session === undefined || session.ssl === 0 ? undefined : session;
}

function isSecured(socket: NetSocket): boolean {
  const connection = connectionOf(socket);
  return connection !== undefined && connection.secure.phase >= SECURED && connection.secure.opened;
}

/** Asks the session. As with Node, the answer is undefined before there is a session, and null after the end. */
function ask<Answer>(socket: NetSocket, question: (session: TlsSession) => Answer): Answer | null | undefined {
  const session = sessionOf(socket);
  if (session !== undefined) {
    return question(session);
  }
  return socket.destroyed ? null : undefined;
}

/** Changes a session, or the one that will begin. */
function change(socket: NetSocket, how: (session: TlsSession) => void): void {
  const session = sessionOf(socket);
  if (session !== undefined) {
    how(session);
  } else {
    socket[STATE].secure?.prepare(how);
  }
}

function peerOf(session: TlsSession, detailed: unknown): object {
  if (detailed) {
    return peerCertificateWithIssuers(session);
  }
  const certificate = info.peerCertificateOf(session);
  return certificate === undefined ? {} : plainCertificate(certificate);
}

/** Why a socket does not renegotiate: TLS 1.3 has no such thing, and it is switched off for TLS 1.2. */
function noRenegotiation(socket: NetSocket): Error {
  if (ask(socket, info.protocolOf) === 'TLSv1.3') {
    const error = new Error('error:0A00010A:SSL routines::wrong ssl version');
    return Object.assign(withCode(error, 'ERR_SSL_WRONG_SSL_VERSION'), {
      library: 'SSL routines',
      reason: 'wrong ssl version',
    });
  }
  return withCode(new Error('TLS session renegotiation disabled for this socket'), 'ERR_TLS_RENEGOTIATION_DISABLED');
}

/** Values that programs read, and seldom set. */
const values: Readonly<Record<string, (socket: NetSocket) => unknown>> = {
  authorized: (socket) => connectionOf(socket)?.secure.authorized ?? false,
  authorizationError: (socket) => connectionOf(socket)?.secure.authorizationError ?? null,
  encrypted: () => true,
  secureConnecting: (socket) => !isSecured(socket),
  _secureEstablished: isSecured,
  servername: (socket) => connectionOf(socket)?.secure.servername ?? (isSecured(socket) ? false : null),
  alpnProtocol: (socket) => (isSecured(socket) ? (connectionOf(socket)?.tls.alpnProtocol ?? false) : null),
  /** Native code of Node would take it for its own. */
  ssl: () => null,
};

const LENGTH_MAX = 2 ** 32 - 1;

const FRAGMENT_MAX = 2 ** 31 - 1;

function checkWhole(name: string, value: unknown, least: number, most: number): void {
  if (typeof value !== 'number') {
    throw invalidArgType(name, 'of type number', value);
  }
  if (!Number.isInteger(value)) {
    throw outOfRange(name, 'an integer', value);
  }
  if (value < least || value > most) {
    throw outOfRange(name, `>= ${least} && <= ${most}`, value);
  }
}

function checkText(name: string, value: unknown): void {
  if (typeof value !== 'string') {
    throw invalidArgType(name, 'of type string', value);
  }
}

const methods: object & ThisType<NetTlsSocket> = {
  getPeerCertificate(detailed?: unknown): unknown {
    return ask(this, (session) => peerOf(session, detailed));
  },

  getCertificate(): unknown {
    return ask(this, (session) => {
      const certificate = details.ownCertificateOf(session);
      return certificate === undefined ? {} : plainCertificate(certificate);
    });
  },

  getPeerX509Certificate(): X509Certificate | undefined {
    return ask(this, peerX509Of) ?? undefined;
  },

  getX509Certificate(): X509Certificate | undefined {
    return ask(this, details.ownCertificateOf) ?? undefined;
  },

  getCipher(): unknown {
    return ask(this, info.cipherOf);
  },

  getProtocol(): unknown {
    return ask(this, info.protocolOf);
  },

  getSession(): unknown {
    return this[STATE].secure?.shown?.bytes ?? ask(this, info.sessionBytesOf);
  },

  getTLSTicket(): unknown {
    const { shown } = this[STATE].secure ?? {};
    return shown === undefined ? ask(this, details.ticketOf) : shown.ticket;
  },

  isSessionReused(): unknown {
    return ask(this, (session) => session.resumed);
  },

  getFinished(): unknown {
    return ask(this, (session) => details.finishedOf(session, 'own'));
  },

  getPeerFinished(): unknown {
    return ask(this, (session) => details.finishedOf(session, 'peer'));
  },

  getSharedSigalgs(): unknown {
    return ask(this, details.sharedSigalgsOf);
  },

  getEphemeralKeyInfo(): unknown {
    return ask(this, (session) => (session.side === 'client' ? details.ephemeralKeyOf(session) : null));
  },

  exportKeyingMaterial(length: unknown, label: unknown, context?: unknown): Buffer {
    checkWhole('length', length, 1, LENGTH_MAX);
    checkText('label', label);
    if (context !== undefined && !isBytes(context)) {
      throw invalidArgType('context', 'an instance of Buffer, TypedArray, or DataView', context);
    }
    const session = sessionOf(this);
    if (session === undefined || !isSecured(this)) {
      throw withCode(new Error('TLS socket connection must be securely established'), 'ERR_TLS_INVALID_STATE');
    }
    return info.keyingMaterialOf(session, length as number, label as string, context as Uint8Array | undefined);
  },

  setMaxSendFragment(size: unknown): boolean {
    checkWhole('size', size, -FRAGMENT_MAX - 1, FRAGMENT_MAX);
    return ask(this, (session) => details.setMaxSendFragment(session, size as number)) ?? false;
  },

  /** It is refused always. */
  disableRenegotiation(): void {},

  renegotiate(options: unknown, callback?: unknown): boolean | undefined {
    if (typeof options !== 'object' || options === null) {
      throw invalidArgType('options', 'of type object', options);
    }
    if (callback !== undefined && typeof callback !== 'function') {
      throw invalidArgType('callback', 'of type function', callback);
    }
    if (this.destroyed) {
      return undefined;
    }
    if (typeof callback === 'function') {
      process.nextTick(callback as (error: Error) => void, noRenegotiation(this));
    }
    return false;
  },

  setServername(name: unknown): void {
    checkText('name', name);
    if (this._server) {
      throw withCode(new Error('Cannot issue SNI from a TLS server-side socket'), 'ERR_TLS_SNI_FROM_SERVER');
    }
    this[STATE].secure?.setServername(name as string);
  },

  setSession(session: unknown): void {
    this[STATE].secure?.setSession(session);
  },

  setKeyCert(context: unknown): void {
    if (!this.destroyed) {
      change(this, preparationOf(context));
    }
  },

  enableTrace(): void {
    if (!this.destroyed) {
      change(this, traceSession);
    }
  },
};

function TlsSocketConstructor(this: object): object {
  // Node's makes them of streams and sockets.
  throw withCode(new TypeError('Illegal constructor'), 'ERR_ILLEGAL_CONSTRUCTOR');
}

/** The class of sockets with TLS. */
export const TlsSocket = TlsSocketConstructor as unknown as { readonly prototype: object };

function descriptorOf(name: string): PropertyDescriptor {
  const read = values[name] as (socket: NetSocket) => unknown;
  return {
    get(this: NetSocket): unknown {
      return read(this);
    },
    set(this: object, value: unknown): void {
      Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
    },
    enumerable: true,
    configurable: true,
  };
}

Object.defineProperty(TlsSocketConstructor, 'name', { value: 'TLSSocket' });
Object.setPrototypeOf(TlsSocketConstructor, Socket);
Object.setPrototypeOf(TlsSocketConstructor.prototype, Socket.prototype);
Object.defineProperties(TlsSocketConstructor.prototype, Object.getOwnPropertyDescriptors(methods));
for (const name of Object.keys(values)) {
  Object.defineProperty(TlsSocketConstructor.prototype, name, descriptorOf(name));
}

/** Sockets of this class count as instances of Node's `TLSSocket`, which programs ask for. Call it before the first is made. */
export function countAsNodes(): void {
  const { TLSSocket: NodesClass } = lateTls();
  if (!Object.hasOwn(NodesClass, Symbol.hasInstance)) {
    const isInstance = Function.prototype[Symbol.hasInstance];
    Object.defineProperty(NodesClass, Symbol.hasInstance, {
      value(this: unknown, value: unknown): boolean {
        return (
          isInstance.call(this as object, value) ||
          (this === NodesClass && isInstance.call(TlsSocketConstructor, value))
        );
      },
    });
  }
}

/** Makes the socket of an accepted connection. */
export const acceptedTlsSocket = acceptedKind(TlsSocket.prototype);

/** Makes a socket that will connect. It has a constructor of its own for the same reason as accepted ones. */
function ConnectingSocket(this: object, options: object): void {
  (Socket as unknown as CallableSocket).call(this, options);
}

ConnectingSocket.prototype = TlsSocket.prototype;

export const ConnectingTlsSocket = ConnectingSocket as unknown as new (options: object) => NetSocket;
