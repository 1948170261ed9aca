/**
 * The part of OpenSSL that the load calls: that of the node binary, which exports its functions for addons. A load in C
 * would have all of the suite's checks twice.
 */

import { type ForeignFunction, Library } from '../../src/ffi/library.js';

/** Prototypes as in the manual, with addresses of OpenSSL's objects as numbers. */
const PROTOTYPES = {
  bioMethod: 'int64_t BIO_s_mem()',
  bioNew: 'int64_t BIO_new(int64_t method)',
  bioControl: 'long BIO_ctrl(int64_t bio, int command, long number, int64_t address)',
  bioPending: 'size_t BIO_ctrl_pending(int64_t bio)',
  bioRead: 'int BIO_read(int64_t bio, void *data, int length)',
  bioWrite: 'int BIO_write(int64_t bio, const void *data, int length)',
  bioReference: 'int BIO_up_ref(int64_t bio)',
  bioFree: 'int BIO_free(int64_t bio)',
  clearErrors: 'void ERR_clear_error()',
  lastError: 'unsigned long ERR_peek_last_error()',
  errorText: 'void ERR_error_string_n(unsigned long error, void *text, size_t length)',
  clientMethod: 'int64_t TLS_client_method()',
  contextNew: 'int64_t SSL_CTX_new(int64_t method)',
  contextControl: 'long SSL_CTX_ctrl(int64_t context, int command, long number, int64_t address)',
  contextControlText: 'long SSL_CTX_ctrl(int64_t context, int command, long number, const char *text)',
  contextCiphers: 'int SSL_CTX_set_ciphersuites(int64_t context, const char *names)',
  contextTrust: 'int SSL_CTX_load_verify_locations(int64_t context, const char *file, int64_t folder)',
  contextVerify: 'void SSL_CTX_set_verify(int64_t context, int mode, int64_t callback)',
  contextFree: 'void SSL_CTX_free(int64_t context)',
  sslNew: 'int64_t SSL_new(int64_t context)',
  sslControlText: 'long SSL_ctrl(int64_t ssl, int command, long number, const char *text)',
  sslHost: 'int SSL_set1_host(int64_t ssl, const char *name)',
  sslReader: 'void SSL_set0_rbio(int64_t ssl, int64_t bio)',
  sslWriter: 'void SSL_set0_wbio(int64_t ssl, int64_t bio)',
  sslConnects: 'void SSL_set_connect_state(int64_t ssl)',
  sslHandshake: 'int SSL_do_handshake(int64_t ssl)',
  sslError: 'int SSL_get_error(int64_t ssl, int result)',
  sslRead: 'int SSL_read(int64_t ssl, void *data, int length)',
  sslWrite: 'int SSL_write(int64_t ssl, const void *data, int length)',
  sslShutdown: 'int SSL_shutdown(int64_t ssl)',
  sslFree: 'void SSL_free(int64_t ssl)',
  sslSession: 'int64_t SSL_get1_session(int64_t ssl)',
  sslResume: 'int SSL_set_session(int64_t ssl, int64_t session)',
  sslIsResumed: 'int SSL_session_reused(int64_t ssl)',
  sessionIsResumable: 'int SSL_SESSION_is_resumable(int64_t session)',
  sessionFree: 'void SSL_SESSION_free(int64_t session)',
} as const;

export type OpenSsl = Readonly<Record<keyof typeof PROTOTYPES, ForeignFunction>>;

let openSsl: OpenSsl | undefined;

/** @throws Error if this Node does not have them */
export function loadOpenSsl(): OpenSsl {
  if (openSsl === undefined) {
    const library = new Library(null);
    const functions = Object.entries(PROTOTYPES).map(([name, prototype]) => [name, library.declare(prototype)]);
    openSsl = Object.fromEntries(functions) as OpenSsl;
  }
  return openSsl;
}

/** Constants of OpenSSL's headers. */
export const SSL = {
  errorWantRead: 2,
  errorZeroReturn: 6,
  verifyPeer: 1,
  /** SSL_CTRL_*, of which macros are made. */
  controlMode: 33,
  controlServerName: 55,
  controlGroups: 92,
  controlLeastVersion: 123,
  /** SSL_MODE_RELEASE_BUFFERS. */
  releaseBuffers: 0x10,
  version13: 0x0304,
  /** BIO_CTRL_RESET, and BIO_C_SET_BUF_MEM_EOF_RETURN with "try again" instead of the end. */
  bioReset: 1,
  bioSetEnd: 130,
} as const;

const TEXT_BYTES = 256;

/** OpenSSL's words for its last error, which is then forgotten. */
export function openSslError({ lastError, errorText, clearErrors }: OpenSsl): string {
  const text = Buffer.alloc(TEXT_BYTES);
  errorText(lastError(), text, text.length);
  clearErrors();
  return text.toString('latin1', 0, text.indexOf(0));
}
