/**
 * Functions of OpenSSL 3, declared as in its manual pages, with addresses as numbers. They are those of the node binary,
 * which exports them for addons, and the contexts that `node:tls` makes belong to that library. If the process has none
 * (Bun, Deno), they are those of the system's libssl.so.3, for which `ffi/openssl-contexts.ts` makes the contexts.
 */

import { process, runtime } from '../base/runtime.js';
import { Library } from './library.js';
import { lackOfKoffi } from './native-error.js';
import { type ContextFunctions, declareContexts } from './openssl-contexts.js';

/** Why TLS cannot be had here, and what to do about it. */
export interface TlsLack {
  readonly reason: string;
  readonly advice: string;
}

const VERSION_SHIFT_MAJOR = 28;
const VERSION_SHIFT_MINOR = 20;
const VERSION_SHIFT_PATCH = 4;

/** A C function that returns 1 whatever it is called with: the callback of a verification that never ends a handshake. */
const RETURNS_ONE = 'ERR_load_ASN1_strings';

/** Functions of libcrypto, and of sessions. */
function declareCrypto(library: Library) {
  return {
    BIO_ctrl: library.declare('long BIO_ctrl(int64_t bp, int cmd, long larg, int64_t parg)'),
    BIO_free: library.declare('int BIO_free(int64_t a)'),
    BIO_new: library.declare('int64_t BIO_new(int64_t type)'),
    BIO_new_mem_buf: library.declare('int64_t BIO_new_mem_buf(int64_t buf, int len)'),
    BIO_read: library.declare('int BIO_read(int64_t b, int64_t data, int dlen)'),
    BIO_s_mem: library.declare('int64_t BIO_s_mem()'),
    BIO_up_ref: library.declare('int BIO_up_ref(int64_t a)'),
    CRYPTO_free: library.declare('void CRYPTO_free(int64_t ptr, int64_t file, int line)'),
    CRYPTO_zalloc: library.declare('int64_t CRYPTO_zalloc(size_t num, int64_t file, int line)'),
    d2i_SSL_SESSION: library.declare('int64_t d2i_SSL_SESSION(int64_t a, int64_t pp, long length)'),
    ERR_clear_error: library.declare('void ERR_clear_error()'),
    /** Returns the first error of the queue and removes it; 0 if there is none. */
    ERR_get_error: library.declare('unsigned long ERR_get_error()'),
    ERR_reason_error_string: library.declare('str ERR_reason_error_string(unsigned long e)'),
    i2d_SSL_SESSION: library.declare('int i2d_SSL_SESSION(int64_t in, int64_t pp)'),
    i2d_X509: library.declare('int i2d_X509(int64_t a, int64_t pp)'),
    OpenSSL_version_num: library.declare('unsigned long OpenSSL_version_num()'),
    X509_free: library.declare('void X509_free(int64_t a)'),
    X509_verify_cert_error_string: library.declare('str X509_verify_cert_error_string(long n)'),
    /** Not a function: the address of one. */
    returnsOne: library.addressOf(RETURNS_ONE),
  };
}

/** Functions of libssl. */
function declareSsl(library: Library) {
  return {
    SSL_CIPHER_get_name: library.declare('str SSL_CIPHER_get_name(int64_t cipher)'),
    SSL_CIPHER_get_version: library.declare('str SSL_CIPHER_get_version(int64_t cipher)'),
    SSL_CIPHER_standard_name: library.declare('str SSL_CIPHER_standard_name(int64_t cipher)'),
    SSL_ctrl: library.declare('long SSL_ctrl(int64_t ssl, int cmd, long larg, int64_t parg)'),
    SSL_CTX_free: library.declare('void SSL_CTX_free(int64_t ctx)'),
    SSL_CTX_sess_set_get_cb: library.declare('void SSL_CTX_sess_set_get_cb(int64_t ctx, int64_t cb)'),
    SSL_CTX_sess_set_new_cb: library.declare('void SSL_CTX_sess_set_new_cb(int64_t ctx, int64_t cb)'),
    SSL_CTX_sess_set_remove_cb: library.declare('void SSL_CTX_sess_set_remove_cb(int64_t ctx, int64_t cb)'),
    SSL_CTX_set_alpn_select_cb: library.declare(
      'void SSL_CTX_set_alpn_select_cb(int64_t ctx, int64_t cb, int64_t arg)',
    ),
    SSL_CTX_set_keylog_callback: library.declare('void SSL_CTX_set_keylog_callback(int64_t ctx, int64_t cb)'),
    SSL_CTX_up_ref: library.declare('int SSL_CTX_up_ref(int64_t ctx)'),
    SSL_do_handshake: library.declare('int SSL_do_handshake(int64_t ssl)'),
    SSL_export_keying_material: library.declare(
      'int SSL_export_keying_material(int64_t s, int64_t out, size_t olen, int64_t label, size_t llen, int64_t context, size_t contextlen, int use_context)',
    ),
    SSL_free: library.declare('void SSL_free(int64_t ssl)'),
    SSL_get0_alpn_selected: library.declare('void SSL_get0_alpn_selected(int64_t ssl, int64_t data, int64_t len)'),
    SSL_get1_peer_certificate: library.declare('int64_t SSL_get1_peer_certificate(int64_t ssl)'),
    SSL_get1_session: library.declare('int64_t SSL_get1_session(int64_t ssl)'),
    SSL_get_current_cipher: library.declare('int64_t SSL_get_current_cipher(int64_t ssl)'),
    SSL_get_error: library.declare('int SSL_get_error(int64_t ssl, int ret)'),
    SSL_get_verify_result: library.declare('long SSL_get_verify_result(int64_t ssl)'),
    SSL_get_version: library.declare('str SSL_get_version(int64_t ssl)'),
    SSL_is_init_finished: library.declare('int SSL_is_init_finished(int64_t s)'),
    SSL_new: library.declare('int64_t SSL_new(int64_t ctx)'),
    SSL_pending: library.declare('int SSL_pending(int64_t ssl)'),
    SSL_read: library.declare('int SSL_read(int64_t ssl, int64_t buf, int num)'),
    /** Copies the protocol that both lists have, the server's first, into `*out`; returns 1 if there is one. */
    SSL_select_next_proto: library.declare(
      'int SSL_select_next_proto(int64_t out, int64_t outlen, int64_t server, unsigned int server_len, int64_t client, unsigned int client_len)',
    ),
    SSL_SESSION_free: library.declare('void SSL_SESSION_free(int64_t session)'),
    SSL_SESSION_is_resumable: library.declare('int SSL_SESSION_is_resumable(int64_t s)'),
    SSL_session_reused: library.declare('int SSL_session_reused(int64_t ssl)'),
    SSL_set0_rbio: library.declare('void SSL_set0_rbio(int64_t s, int64_t rbio)'),
    SSL_set0_wbio: library.declare('void SSL_set0_wbio(int64_t s, int64_t wbio)'),
    SSL_set_accept_state: library.declare('void SSL_set_accept_state(int64_t ssl)'),
    SSL_set_alpn_protos: library.declare(
      'int SSL_set_alpn_protos(int64_t ssl, int64_t protos, unsigned int protos_len)',
    ),
    SSL_set_connect_state: library.declare('void SSL_set_connect_state(int64_t ssl)'),
    SSL_set_options: library.declare('uint64_t SSL_set_options(int64_t ssl, uint64_t options)'),
    SSL_set_session: library.declare('int SSL_set_session(int64_t ssl, int64_t session)'),
    SSL_set_session_id_context: library.declare(
      'int SSL_set_session_id_context(int64_t ssl, int64_t sid_ctx, unsigned int sid_ctx_len)',
    ),
    SSL_set_verify: library.declare('void SSL_set_verify(int64_t ssl, int mode, int64_t verify_callback)'),
    SSL_shutdown: library.declare('int SSL_shutdown(int64_t ssl)'),
    SSL_write: library.declare('int SSL_write(int64_t ssl, int64_t buf, int num)'),
  };
}

/** Functions for what programs ask about a session, and for certificates of contexts of `node:tls`. */
function declareDetails(library: Library) {
  return {
    d2i_X509: library.declare('int64_t d2i_X509(int64_t a, int64_t in, long len)'),
    EVP_PKEY_free: library.declare('void EVP_PKEY_free(int64_t key)'),
    EVP_PKEY_get_bits: library.declare('int EVP_PKEY_get_bits(int64_t pkey)'),
    EVP_PKEY_get_group_name: library.declare(
      'int EVP_PKEY_get_group_name(int64_t pkey, int64_t name, size_t name_sz, int64_t len)',
    ),
    EVP_PKEY_get_id: library.declare('int EVP_PKEY_get_id(int64_t pkey)'),
    OBJ_nid2sn: library.declare('str OBJ_nid2sn(int n)'),
    OPENSSL_sk_num: library.declare('int OPENSSL_sk_num(int64_t sk)'),
    OPENSSL_sk_value: library.declare('int64_t OPENSSL_sk_value(int64_t sk, int idx)'),
    SSL_certs_clear: library.declare('void SSL_certs_clear(int64_t s)'),
    SSL_CTX_ctrl: library.declare('long SSL_CTX_ctrl(int64_t ctx, int cmd, long larg, int64_t parg)'),
    SSL_CTX_get0_certificate: library.declare('int64_t SSL_CTX_get0_certificate(int64_t ctx)'),
    SSL_CTX_get0_privatekey: library.declare('int64_t SSL_CTX_get0_privatekey(int64_t ctx)'),
    SSL_CTX_get_cert_store: library.declare('int64_t SSL_CTX_get_cert_store(int64_t ctx)'),
    SSL_CTX_get_client_CA_list: library.declare('int64_t SSL_CTX_get_client_CA_list(int64_t ctx)'),
    SSL_dup_CA_list: library.declare('int64_t SSL_dup_CA_list(int64_t sk)'),
    SSL_get_certificate: library.declare('int64_t SSL_get_certificate(int64_t ssl)'),
    SSL_get_finished: library.declare('size_t SSL_get_finished(int64_t ssl, int64_t buf, size_t count)'),
    SSL_get_peer_cert_chain: library.declare('int64_t SSL_get_peer_cert_chain(int64_t ssl)'),
    SSL_get_peer_finished: library.declare('size_t SSL_get_peer_finished(int64_t ssl, int64_t buf, size_t count)'),
    SSL_get_shared_sigalgs: library.declare(
      'int SSL_get_shared_sigalgs(int64_t s, int idx, int64_t psign, int64_t phash, int64_t psignhash, int64_t rsig, int64_t rhash)',
    ),
    SSL_SESSION_get0_ticket: library.declare('void SSL_SESSION_get0_ticket(int64_t s, int64_t tick, int64_t len)'),
    SSL_set_client_CA_list: library.declare('void SSL_set_client_CA_list(int64_t s, int64_t list)'),
    SSL_use_certificate: library.declare('int SSL_use_certificate(int64_t ssl, int64_t x)'),
    SSL_use_PrivateKey: library.declare('int SSL_use_PrivateKey(int64_t ssl, int64_t pkey)'),
    X509_STORE_CTX_free: library.declare('void X509_STORE_CTX_free(int64_t ctx)'),
    X509_STORE_CTX_get1_issuer: library.declare(
      'int X509_STORE_CTX_get1_issuer(int64_t issuer, int64_t ctx, int64_t x)',
    ),
    X509_STORE_CTX_init: library.declare(
      'int X509_STORE_CTX_init(int64_t ctx, int64_t store, int64_t x, int64_t chain)',
    ),
    X509_STORE_CTX_new: library.declare('int64_t X509_STORE_CTX_new()'),
  };
}

function declareOpenSsl(library: Library) {
  return { ...declareCrypto(library), ...declareSsl(library), ...declareDetails(library) };
}

type Functions = ReturnType<typeof declareOpenSsl>;

export interface OpenSsl extends Functions {
  /** As 3.0.19. */
  readonly version: string;
  /** The functions that make contexts. Without them, `node:tls` makes contexts. */
  readonly contexts: ContextFunctions | undefined;
}

/** The text that a function has returned. koffi returns a string for `str`, and null for NULL. */
export function textFrom(returned: number): string | undefined {
  const text = returned as unknown as string | null;
  return text ?? undefined;
}

/** OpenSSL's version, as `process.versions.openssl` begins: 3.0.19. */
function versionText(version: number): string {
  const part = (shift: number): number => Math.floor(version / 2 ** shift) & 255;
  return `${part(VERSION_SHIFT_MAJOR)}.${part(VERSION_SHIFT_MINOR)}.${part(VERSION_SHIFT_PATCH)}`;
}

/** `system` in this variable of the environment takes the system's library in any case: tests do. */
const CHOICE_VARIABLE = 'OVERLAPPED_OPENSSL';

/** The only version whose structs and functions are known to be as they are used here. */
const SYSTEMS_LIBRARY = 'libssl.so.3';

/** OpenSSL does not free its state when the process exits: other threads may be in it. */
const OPENSSL_INIT_NO_ATEXIT = 0x8_0000;

function lookInProcess(): OpenSsl | TlsLack {
  const own = process.versions.openssl;
  const advice = 'use a build of Node that exports the symbols of its own OpenSSL, as those of nodejs.org do';
  try {
    const declared = declareOpenSsl(new Library(null));
    const version = versionText(Number(declared.OpenSSL_version_num()));
    return own !== undefined && new RegExp(`^${version}(?!\\d)`).test(own)
      ? { ...declared, version, contexts: undefined }
      : { reason: `this process has OpenSSL ${version}, and node:tls uses ${own ?? 'none'}`, advice };
  } catch (cause) {
    return { reason: `this process exports no OpenSSL 3: ${(cause as Error).message}`, advice };
  }
}

function lookInSystem(): OpenSsl | TlsLack {
  const advice = `install OpenSSL 3 (${SYSTEMS_LIBRARY}), or use a build of Node of nodejs.org`;
  try {
    // Some processes export functions of BoringSSL under the same names.
    const library = new Library(SYSTEMS_LIBRARY, true);
    const declared = declareOpenSsl(library);
    const contexts = declareContexts(library);
    contexts.OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, 0);
    const version = versionText(Number(declared.OpenSSL_version_num()));
    return version.startsWith('3.')
      ? { ...declared, version, contexts }
      : { reason: `the system's OpenSSL is ${version}`, advice };
  } catch (cause) {
    return { reason: `the system has no OpenSSL 3: ${(cause as Error).message}`, advice };
  }
}

function look(): OpenSsl | TlsLack {
  // Deno may forbid a program to read variables.
  const isForced = runtime === 'node' && process.env[CHOICE_VARIABLE] === 'system';
  const own = isForced ? undefined : lookInProcess();
  if (own !== undefined && !isLack(own)) {
    return own;
  }
  const other = lookInSystem();
  return isLack(other) && own !== undefined
    ? { reason: `${own.reason}, and ${other.reason}`, advice: other.advice }
    : other;
}

let found: OpenSsl | TlsLack | undefined;

/** OpenSSL, looked for at the first call; why it cannot be used, if it cannot. */
export function openSsl(): OpenSsl | TlsLack {
  found ??= lackOfKoffi() ?? look();
  return found;
}

export function isLack(result: OpenSsl | TlsLack): result is TlsLack {
  return 'advice' in result;
}
