/** The certificates of the tests of TLS: an authority, and what it has signed. */

import { type Certificate, type CertificateOptions, makeCertificate } from './x509.js';

/** A key and its certificate, as options of `node:tls`. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

const identityOf = ({ key, cert }: Certificate): Identity => ({ key, cert });
const issuer = makeCertificate({ name: 'Test authority' });
const hosts = ['localhost', '127.0.0.1'];

function signed(options: CertificateOptions): Identity {
  return identityOf(makeCertificate({ issuer, ...options }));
}

export const authority = identityOf(issuer);
export const ofServer = signed({ name: 'localhost', hosts });
export const ofClient = signed({ name: 'A client' });
export const ofOthers = signed({ name: 'other.example', hosts: ['other.example', '*.wild.example'] });
export const expired = signed({ name: 'localhost', hosts, days: [-30, -1] });
/** It has signed itself. */
export const unknown = identityOf(makeCertificate({ name: 'localhost', hosts, isAuthority: false }));
/** A server and a client of other names. An extension has the certificates of the ones above, in PEM. */
export const serverWithPem = signed({ name: 'evil', hosts: ['evil.example'], comment: `\n${ofServer.cert}` });
export const clientWithPem = signed({ name: 'Not a client', comment: `\n${ofClient.cert}` });
