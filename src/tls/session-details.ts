/** Details of a session that only `TLSSocket` of `node:tls` has, in the forms of Node. */

import { Buffer } from 'node:buffer';
import type { X509Certificate } from 'node:crypto';
import { addressOfBytes, viewOf } from '../ffi/library.js';
import { keepUntilHere } from '../ffi/memory.js';
import { type OpenSsl, textFrom } from '../ffi/openssl.js';
import { addressOfContext } from './context.js';
import type { TlsSession } from './session.js';
import { certificateAt } from './session-info.js';

/** Commands of SSL_ctrl (openssl/ssl.h). */
const SET_MAX_SEND_FRAGMENT = 52;
const GET_PEER_TMP_KEY = 109;

/** Kinds of keys (openssl/obj_mac.h). */
const EVP_PKEY_DH = 28;
const EVP_PKEY_EC = 408;
const EVP_PKEY_X25519 = 1034;
const EVP_PKEY_X448 = 1035;

/** Our own certificate. */
export function ownCertificateOf({ library, ssl }: TlsSession): X509Certificate | undefined {
  return certificateAt(library, library.openssl.SSL_get_certificate(ssl));
}

/** The certificates that the peer has sent, without its own on a server. */
export function peerChainOf({ library, ssl }: TlsSession): X509Certificate[] {
  const { openssl } = library;
  const chain = openssl.SSL_get_peer_cert_chain(ssl);
  const count = chain === 0 ? 0 : Math.max(0, openssl.OPENSSL_sk_num(chain));
  return Array.from({ length: count }, (_, index) =>
    certificateAt(library, openssl.OPENSSL_sk_value(chain, index)),
  ).filter((certificate) => certificate !== undefined);
}

/** The certificate of the issuer, among those that the session trusts; undefined if it has none. */
export function trustedIssuerOf(
  { library, context }: TlsSession,
  certificate: X509Certificate,
): X509Certificate | undefined {
  const { openssl, scratch } = library;
  const der = certificate.raw;
  scratch.setAddress(0, addressOfBytes(der));
  const subject = openssl.d2i_X509(0, scratch.address, der.length);
  keepUntilHere(der);
  const search = openssl.X509_STORE_CTX_new();
  try {
    const store = openssl.SSL_CTX_get_cert_store(addressOfContext(context));
    scratch.setAddress(0, 0);
    const found =
      subject !== 0 &&
      search !== 0 &&
      openssl.X509_STORE_CTX_init(search, store, 0, 0) === 1 &&
      openssl.X509_STORE_CTX_get1_issuer(scratch.address, search, subject) === 1;
    const issuer = found ? scratch.addressAt(0) : 0;
    const made = certificateAt(library, issuer);
    openssl.X509_free(issuer);
    return made;
  } finally {
    openssl.X509_STORE_CTX_free(search);
    openssl.X509_free(subject);
    openssl.ERR_clear_error();
  }
}

/** The most bytes of a Finished message: a hash. */
const FINISHED_BYTES_MAX = 64;

/** The Finished message of one side, which other protocols bind themselves to; undefined while there is none. */
export function finishedOf({ library: { openssl }, ssl }: TlsSession, side: 'own' | 'peer'): Buffer | undefined {
  const memory = Buffer.allocUnsafeSlow(FINISHED_BYTES_MAX * 2);
  const read = side === 'own' ? openssl.SSL_get_finished : openssl.SSL_get_peer_finished;
  const length = Number(read(ssl, addressOfBytes(memory), FINISHED_BYTES_MAX));
  keepUntilHere(memory);
  return length > 0 && length <= FINISHED_BYTES_MAX ? Buffer.from(memory.subarray(0, length)) : undefined;
}

const TICKET_DATA = 0;
const TICKET_LENGTH = 8;
const TICKET_BYTES_MAX = 65_535;

/** The session ticket that a client has; undefined if it has none. */
export function ticketOf({ library: { openssl, scratch }, ssl }: TlsSession): Buffer | undefined {
  const session = openssl.SSL_get1_session(ssl);
  if (session === 0) {
    return undefined;
  }
  try {
    openssl.SSL_SESSION_get0_ticket(session, scratch.address + TICKET_DATA, scratch.address + TICKET_LENGTH);
    const at = scratch.addressAt(TICKET_DATA);
    const length = scratch.addressAt(TICKET_LENGTH);
    return at === 0 || length === 0 || length > TICKET_BYTES_MAX
      ? undefined
      : Buffer.from(new Uint8Array(viewOf(at, length)));
  } finally {
    openssl.SSL_SESSION_free(session);
  }
}

/** The key of the peer for this session, as `getEphemeralKeyInfo`; empty if there is none. */
export function ephemeralKeyOf({ library: { openssl, scratch }, ssl }: TlsSession): object {
  scratch.setAddress(0, 0);
  openssl.SSL_ctrl(ssl, GET_PEER_TMP_KEY, 0, scratch.address);
  const key = scratch.addressAt(0);
  openssl.ERR_clear_error();
  if (key === 0) {
    return {};
  }
  try {
    const kind = openssl.EVP_PKEY_get_id(key);
    const size = openssl.EVP_PKEY_get_bits(key);
    if (kind === EVP_PKEY_DH) {
      return { type: 'DH', size };
    }
    if (kind === EVP_PKEY_EC) {
      return { type: 'ECDH', name: curveOf(openssl, key), size };
    }
    const isMontgomery = kind === EVP_PKEY_X25519 || kind === EVP_PKEY_X448;
    return isMontgomery ? { type: 'ECDH', name: textFrom(openssl.OBJ_nid2sn(kind)), size } : {};
  } finally {
    openssl.EVP_PKEY_free(key);
  }
}

const CURVE_NAME_BYTES_MAX = 80;

/** OpenSSL's name of a curve. */
function curveOf(openssl: OpenSsl, key: number): string {
  const memory = Buffer.alloc(128);
  const address = addressOfBytes(memory);
  openssl.EVP_PKEY_get_group_name(key, address, CURVE_NAME_BYTES_MAX, address + CURVE_NAME_BYTES_MAX);
  const end = memory.indexOf(0);
  keepUntilHere(memory);
  return memory.toString('latin1', 0, Math.min(end, CURVE_NAME_BYTES_MAX));
}

/** Names of the algorithms of signatures, as node:tls has them. */
const SIGNATURES: Readonly<Record<number, string>> = {
  6: 'RSA',
  116: 'DSA',
  408: 'ECDSA',
  811: 'gost2001',
  912: 'RSA-PSS',
  979: 'gost2012_256',
  980: 'gost2012_512',
  1087: 'Ed25519',
  1088: 'Ed448',
};

const NID_UNDEFINED = 0;

/** The algorithms of signatures that both sides have, as `getSharedSigalgs`. */
export function sharedSigalgsOf({ library: { openssl, scratch }, ssl }: TlsSession): string[] {
  const count = openssl.SSL_get_shared_sigalgs(ssl, 0, 0, 0, 0, 0, 0);
  return Array.from({ length: Math.max(0, count) }, (_, index) => {
    openssl.SSL_get_shared_sigalgs(ssl, index, scratch.address, scratch.address + 4, 0, 0, 0);
    const [signature = 0, hash = 0] = scratch.i32;
    const name = SIGNATURES[signature] ?? textFrom(openssl.OBJ_nid2sn(signature)) ?? '';
    return hash === NID_UNDEFINED ? `${name}+UNDEF` : `${name}+${textFrom(openssl.OBJ_nid2sn(hash))}`;
  });
}

/** Limits the bytes of a record. @returns whether the limit is possible */
export function setMaxSendFragment({ library: { openssl }, ssl }: TlsSession, byteLength: number): boolean {
  const done = openssl.SSL_ctrl(ssl, SET_MAX_SEND_FRAGMENT, byteLength, 0) === 1;
  openssl.ERR_clear_error();
  return done;
}
