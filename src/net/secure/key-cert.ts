/** The certificate of one connection: `setKeyCert` of sockets with TLS. */

import { withCode } from '../../base/argument-errors.js';
import { borrowCertificates, hasCertificate, nodeContextOf } from '../../tls/borrowed-certificate.js';
import type { NodeContext } from '../../tls/context.js';
import { lateTls } from '../../tls/late-modules.js';
import { tlsLibrary } from '../../tls/library.js';
import type { TlsSession } from '../../tls/session.js';

/**
 * Gives a session the certificate of a context.
 * @param given options of `createSecureContext`, or what it returns
 * @throws what that throws; `ERR_TLS_INVALID_CONTEXT` if there is no certificate with its key
 */
export function preparationOf(given: unknown): (session: TlsSession) => void {
  const context = nodeContextOf(given) ?? lateTls().createSecureContext(given as object);
  if (!hasCertificate(tlsLibrary(), context as NodeContext)) {
    throw withCode(new Error('setKeyCert needs a certificate and its key'), 'ERR_TLS_INVALID_CONTEXT');
  }
  return (session) => borrowCertificates(session, context as NodeContext);
}
