/**
 * The certificate of a context of `node:tls`, for one session: its key, its chain, and the certificates that it trusts. That is
 * what node:tls itself takes from the context that `SNICallback` has chosen. The session keeps the context of overlapped: a
 * session on Node's would call callbacks that expect an object of `node:tls`.
 */

import { addressOf, type NodeContext } from './context.js';
import { takeError, tlsError } from './errors.js';
import { lateTls } from './late-modules.js';
import type { TlsLibrary } from './library.js';
import type { TlsSession } from './session.js';

/** Commands of SSL_ctrl and SSL_CTX_ctrl (openssl/ssl.h). */
const GET_EXTRA_CHAIN_CERTS = 82;
const CHAIN = 88;
const SET_VERIFY_CERT_STORE = 106;
const SET_CHAIN_CERT_STORE = 107;
const GET_CHAIN_CERTS = 115;
const SET_CURRENT_CERT = 117;

const CERT_SET_FIRST = 1;
const CERT_SET_NEXT = 2;

/** The object takes a reference of its own. */
const WITH_REFERENCE = 1;

/** The class of the `context` of a context of Node, which has the address. */
let nativeClass: (abstract new () => object) | undefined;

function isNative(value: unknown): value is object {
  nativeClass ??= ((lateTls().createSecureContext() as NodeContext).context as object).constructor as new () => object;
  return value instanceof nativeClass;
}

/** A context of Node in either form that `SNICallback` may answer; undefined for anything else. */
export function nodeContextOf(value: unknown): NodeContext | undefined {
  const { context } = (value ?? {}) as NodeContext;
  const native = isNative(context) ? context : value;
  return isNative(native) ? { context: native } : undefined;
}

/** Whether a context of Node has a certificate with its key. */
export function hasCertificate({ openssl }: TlsLibrary, context: NodeContext): boolean {
  return openssl.SSL_CTX_ctrl(addressOf(context), SET_CURRENT_CERT, CERT_SET_FIRST, 0) === 1;
}

/** Gives a session the certificates of a context of Node, in the place of its own. @throws OperationError */
export function borrowCertificates(session: TlsSession, context: NodeContext): void {
  const { openssl } = session.library;
  const { ssl } = session;
  const from = addressOf(context);
  openssl.SSL_certs_clear(ssl);
  // Each kind of key may have a certificate.
  for (let more = openssl.SSL_CTX_ctrl(from, SET_CURRENT_CERT, CERT_SET_FIRST, 0); more === 1; ) {
    giveCertificate(session, from);
    more = openssl.SSL_CTX_ctrl(from, SET_CURRENT_CERT, CERT_SET_NEXT, 0);
  }
  openssl.SSL_CTX_ctrl(from, SET_CURRENT_CERT, CERT_SET_FIRST, 0);
  const store = openssl.SSL_CTX_get_cert_store(from);
  openssl.SSL_ctrl(ssl, SET_CHAIN_CERT_STORE, WITH_REFERENCE, store);
  openssl.SSL_ctrl(ssl, SET_VERIFY_CERT_STORE, WITH_REFERENCE, store);
  const names = openssl.SSL_CTX_get_client_CA_list(from);
  openssl.SSL_set_client_CA_list(ssl, names === 0 ? 0 : openssl.SSL_dup_CA_list(names));
  openssl.ERR_clear_error();
}

function giveCertificate({ library: { openssl, scratch }, ssl }: TlsSession, from: number): void {
  const certificate = openssl.SSL_CTX_get0_certificate(from);
  const key = openssl.SSL_CTX_get0_privatekey(from);
  if (certificate === 0 || key === 0) {
    throw tlsError(
      'ERR_TLS_INVALID_CONTEXT',
      'SNICallback has chosen a context without a certificate',
      'tls handshake',
    );
  }
  if (openssl.SSL_use_certificate(ssl, certificate) !== 1 || openssl.SSL_use_PrivateKey(ssl, key) !== 1) {
    throw takeError(openssl, 'tls handshake');
  }
  scratch.setAddress(0, 0);
  openssl.SSL_CTX_ctrl(from, GET_CHAIN_CERTS, 0, scratch.address);
  if (scratch.addressAt(0) === 0) {
    openssl.SSL_CTX_ctrl(from, GET_EXTRA_CHAIN_CERTS, 1, scratch.address);
  }
  openssl.SSL_ctrl(ssl, CHAIN, WITH_REFERENCE, scratch.addressAt(0));
}
