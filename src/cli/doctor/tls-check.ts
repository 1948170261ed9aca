/** Whether TLS works here: it needs the OpenSSL that node:tls uses, or the system's. */

import { isLack, openSsl } from '../../ffi/openssl.js';

export interface TlsCheck {
  readonly usable: boolean;
  /** OpenSSL's version. */
  readonly version?: string;
  /** Whose library it is. */
  readonly library?: 'node' | 'system';
  readonly reason?: string;
  readonly advice?: string;
}

export function checkTls(): TlsCheck {
  const found = openSsl();
  if (isLack(found)) {
    return { usable: false, ...found };
  }
  const { version, contexts } = found;
  return { usable: true, version, library: contexts === undefined ? 'node' : 'system' };
}
