/** Errors of TLS as `node:tls` makes them. */

import { withCode } from '../../base/argument-errors.js';
import { OperationError } from '../../base/errors.js';
import { NOT_TRUSTED, opensslText } from '../../tls/errors.js';
import { connectionError } from '../errors.js';

/** Errors of OpenSSL have a code of TLS, or of another part of the library. */
const OPENSSL = /^ERR_(?:SSL|OSSL)_/;

/** Node's messages for codes that both have. */
const MESSAGES: Readonly<Record<string, string>> = {
  ERR_TLS_HANDSHAKE_TIMEOUT: 'TLS handshake timeout',
  ERR_TLS_RENEGOTIATION_DISABLED: 'TLS session renegotiation disabled for this socket',
};

/** The error that a connection with TLS has failed with, as a socket of Node reports it. */
export function secureError(error: Error): Error {
  if (!(error instanceof OperationError) || !error.syscall.startsWith('tls')) {
    return connectionError(error);
  }
  const { code, message, syscall, systemNumber } = error;
  const reason = message.slice(`${syscall} ${code}: `.length);
  if (OPENSSL.test(code) && systemNumber !== undefined) {
    const seen = withCode(new Error(opensslText(systemNumber, reason)), code);
    return Object.assign(seen, { library: 'SSL routines', reason });
  }
  return withCode(new Error(MESSAGES[code] ?? reason.replace(NOT_TRUSTED, '')), code);
}

/** Ends of a connection that Node reports as a reset. */
const GONE: ReadonlySet<string> = new Set([
  'ERR_TLS_TRUNCATED',
  'ECONNRESET',
  'EPIPE',
  'ENOTCONN',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** Codes of TLS, and of its callbacks. A verification of a certificate has others. */
const NO_VERIFICATION = /^E(?:RR)?_|^E[A-Z]+$/;

/**
 * The error of a client that went away during its handshake, or whose handshake has failed. A client whose certificate is
 * refused is disconnected: Node reports that as a reset.
 */
export function handshakeError(error: Error): Error {
  const { code } = error as NodeJS.ErrnoException;
  const isVerification = error instanceof OperationError && code !== undefined && !NO_VERIFICATION.test(code);
  return isVerification || GONE.has(code ?? '')
    ? withCode(new Error('socket hang up', { cause: error }), 'ECONNRESET')
    : secureError(error);
}
