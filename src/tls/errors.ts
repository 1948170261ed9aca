/** Errors of TLS: Node's codes, with OpenSSL's text. */

import { OperationError } from '../base/errors.js';
import { isLack, type OpenSsl, openSsl, textFrom } from '../ffi/openssl.js';

/** The parts of TLS that can fail, as the `syscall` of the error. */
export type TlsStep = 'tls' | 'tls handshake' | 'tls read' | 'tls write';

/** The codes that node:tls gives to results of a certificate's verification (`X509_V_ERR_…` of openssl/x509_vfy.h). */
const VERIFY_CODES: Readonly<Record<number, string>> = {
  2: 'UNABLE_TO_GET_ISSUER_CERT',
  3: 'UNABLE_TO_GET_CRL',
  4: 'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  5: 'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
  6: 'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  7: 'CERT_SIGNATURE_FAILURE',
  8: 'CRL_SIGNATURE_FAILURE',
  9: 'CERT_NOT_YET_VALID',
  10: 'CERT_HAS_EXPIRED',
  11: 'CRL_NOT_YET_VALID',
  12: 'CRL_HAS_EXPIRED',
  13: 'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  14: 'ERROR_IN_CERT_NOT_AFTER_FIELD',
  15: 'ERROR_IN_CRL_LAST_UPDATE_FIELD',
  16: 'ERROR_IN_CRL_NEXT_UPDATE_FIELD',
  17: 'OUT_OF_MEM',
  18: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  19: 'SELF_SIGNED_CERT_IN_CHAIN',
  20: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  21: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  22: 'CERT_CHAIN_TOO_LONG',
  23: 'CERT_REVOKED',
  24: 'INVALID_CA',
  25: 'PATH_LENGTH_EXCEEDED',
  26: 'INVALID_PURPOSE',
  27: 'CERT_UNTRUSTED',
  28: 'CERT_REJECTED',
  62: 'HOSTNAME_MISMATCH',
};

const VERIFIED = 0;

/** The code of a certificate's verification; undefined if it is trusted. */
export function verifyCodeOf(result: number): string | undefined {
  return result === VERIFIED ? undefined : (VERIFY_CODES[result] ?? 'UNSPECIFIED');
}

/** @param systemNumber OpenSSL's own number of the error, if it is one of OpenSSL's */
export function tlsError(code: string, reason: string, syscall: TlsStep, systemNumber?: number): OperationError {
  return new OperationError({ code, reason, syscall, ...(systemNumber === undefined ? {} : { systemNumber }) });
}

/** The beginning of the reason of a certificate that is not trusted: OpenSSL's text follows. */
export const NOT_TRUSTED = "The peer's certificate is not trusted: ";

/** The error of a certificate that is not trusted. */
export function verifyError(openssl: OpenSsl, result: number): OperationError {
  const text = textFrom(openssl.X509_verify_cert_error_string(result)) ?? 'unknown';
  return tlsError(verifyCodeOf(result) ?? 'UNSPECIFIED', `${NOT_TRUSTED}${text}`, 'tls handshake');
}

/** Where the number of a library is in an error (openssl/err.h). */
const LIBRARY_SHIFT = 23;

/** The libraries whose names are in Node's codes, by the numbers of openssl/err.h: those that handshakes and keys use. */
const LIBRARIES: Readonly<Record<number, string>> = {
  3: 'BN',
  4: 'RSA',
  5: 'DH',
  6: 'EVP',
  9: 'PEM',
  10: 'DSA',
  11: 'X509',
  13: 'ASN1',
  15: 'CRYPTO',
  16: 'EC',
  20: 'SSL',
  32: 'BIO',
  33: 'PKCS7',
  34: 'X509V3',
  35: 'PKCS12',
  36: 'RAND',
};

/**
 * The first error of OpenSSL's queue, which is empty afterwards. The queue belongs to the thread, and node:crypto uses it
 * too, so nothing may stay in it.
 */
export function takeError(openssl: OpenSsl, syscall: TlsStep): OperationError {
  const packed = Number(openssl.ERR_get_error());
  if (packed === 0) {
    return tlsError('ERR_SSL_PROTOCOL_ERROR', 'OpenSSL has failed without a reason', syscall);
  }
  const library = LIBRARIES[Math.floor(packed / 2 ** LIBRARY_SHIFT) & 255];
  const reason = textFrom(openssl.ERR_reason_error_string(packed)) ?? `error ${packed.toString(16)}`;
  openssl.ERR_clear_error();
  // As node:tls: `ERR_SSL_…` for errors of TLS, `ERR_OSSL_…` for others.
  const area = library === 'SSL' ? 'SSL_' : `OSSL_${library === undefined ? '' : `${library}_`}`;
  return tlsError(`ERR_${area}${inCode(reason)}`, reason, syscall, packed);
}

/** Errors of alerts have the number of the alert above this one. */
const ALERT_REASON = 1000;
const REASON_MASK = 0x7f_ffff;

/** OpenSSL's text of an error, as `ERR_error_string` makes it, with the number of a peer's alert. */
export function opensslText(packed: number, reason: string): string {
  const alert = (packed & REASON_MASK) - ALERT_REASON;
  const text = `error:${packed.toString(16).toUpperCase().padStart(8, '0')}:SSL routines::${reason}`;
  return alert >= 0 && reason.includes('alert') ? `${text}:SSL alert number ${alert}` : text;
}

/** Text of OpenSSL as it is in Node's codes, of which some have a slash: ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN. */
function inCode(text: string): string {
  return text.replaceAll(' ', '_').toUpperCase();
}

/** OpenSSL. @throws OperationError `ERR_TLS_UNAVAILABLE` */
export function requireOpenSsl(): OpenSsl {
  const found = openSsl();
  if (isLack(found)) {
    throw tlsError('ERR_TLS_UNAVAILABLE', `TLS is not available: ${found.reason}; ${found.advice}`, 'tls');
  }
  return found;
}
