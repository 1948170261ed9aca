/** Certificates for tests and benchmarks, made when they are needed, with node:crypto alone (X.509 v3, RFC 5280). */

import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';

/** P-256, RSA of 2,048 bits, or Ed25519, whose signatures all have the same length. */
export type KeyType = 'ec' | 'rsa' | 'ed25519';

export interface CertificateOptions {
  /** The common name of its subject. */
  readonly name: string;
  /** DNS names and IPv4 addresses that it is valid for; none by default. */
  readonly hosts?: readonly string[];
  /** The one that signs it; itself by default. */
  readonly issuer?: Certificate;
  /** A certificate whose key it shares; a new key by default. */
  readonly keyOf?: Certificate;
  /** Whether it may sign others; by default only if it signs itself. */
  readonly isAuthority?: boolean;
  /** `ec` by default. */
  readonly keyType?: KeyType;
  /** The days from now at which its validity begins and ends; -1 and 30 by default. */
  readonly days?: readonly [begin: number, end: number];
  /** Text in an extension that nobody reads. */
  readonly comment?: string;
}

export interface Certificate {
  readonly name: string;
  /** PEM, as `node:tls` takes it. */
  readonly cert: string;
  readonly key: string;
  readonly privateKey: KeyObject;
  /** Names its public key. */
  readonly keyId: Buffer;
}

const DAY_MS = 86_400_000;
const SERIAL_BYTES = 8;
const RSA_BITS = 2048;

/** Tags of DER (X.690). */
const TAGS = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  nothing: 0x05,
  identifier: 0x06,
  text: 0x0c,
  time: 0x17,
  sequence: 0x30,
  set: 0x31,
  version: 0xa0,
  extensions: 0xa3,
  keyId: 0x80,
  dnsName: 0x82,
  address: 0x87,
} as const;

/** Object identifiers, encoded. */
const OIDS = {
  commonName: '550403',
  subjectKeyId: '551d0e',
  authorityKeyId: '551d23',
  basicConstraints: '551d13',
  keyUsage: '551d0f',
  alternativeNames: '551d11',
  comment: '6086480186f842010d',
  ecdsaWithSha256: '2a8648ce3d040302',
  ed25519: '2b6570',
  rsaWithSha256: '2a864886f70d01010b',
} as const;

/** Bits of a key's usage (RFC 5280, 4.2.1.3), with the count of unused bits first: signatures; certificates and lists. */
const SIGNS_DATA = '0780';
const SIGNS_CERTIFICATES = '0106';

function der(tag: keyof typeof TAGS, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([TAGS[tag], ...size]), content]);
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const oid = (name: keyof typeof OIDS): Buffer => der('identifier', hex(OIDS[name]));
const nameOf = (name: string): Buffer =>
  der('sequence', der('set', der('sequence', oid('commonName'), der('text', Buffer.from(name)))));

/** YYMMDDHHMMSSZ. */
function timeOf(days: number): Buffer {
  const text = new Date(Date.now() + days * DAY_MS).toISOString().replace(/[-:T]|\.\d+/g, '');
  return der('time', Buffer.from(text.slice(2)));
}

const extension = (name: keyof typeof OIDS, critical: boolean, value: Buffer): Buffer =>
  der('sequence', oid(name), ...(critical ? [der('boolean', hex('ff'))] : []), der('octets', value));

interface Extensions {
  readonly isAuthority: boolean;
  readonly hosts: readonly string[];
  readonly keyId: Buffer;
  readonly issuerKeyId: Buffer;
  readonly comment: string | undefined;
}

function extensionsOf({ isAuthority, hosts, keyId, issuerKeyId, comment }: Extensions): Buffer {
  const names = hosts.map((host) =>
    isIP(host) === 4 ? der('address', Buffer.from(host.split('.').map(Number))) : der('dnsName', Buffer.from(host)),
  );
  const authority = isAuthority ? [der('boolean', hex('ff'))] : [];
  return der(
    'extensions',
    der(
      'sequence',
      extension('basicConstraints', true, der('sequence', ...authority)),
      extension('keyUsage', true, der('bits', hex(isAuthority ? SIGNS_CERTIFICATES : SIGNS_DATA))),
      extension('subjectKeyId', false, der('octets', keyId)),
      extension('authorityKeyId', false, der('sequence', der('keyId', issuerKeyId))),
      ...(names.length === 0 ? [] : [extension('alternativeNames', false, der('sequence', ...names))]),
      ...(comment === undefined ? [] : [extension('comment', false, der('text', Buffer.from(comment)))]),
    ),
  );
}

/** The algorithm of a key's signatures, as it is in certificates. */
function algorithmOf({ asymmetricKeyType }: KeyObject): Buffer {
  switch (asymmetricKeyType) {
    case 'rsa':
      return der('sequence', oid('rsaWithSha256'), der('nothing'));
    case 'ed25519':
      return der('sequence', oid('ed25519'));
    default:
      return der('sequence', oid('ecdsaWithSha256'));
  }
}

/** Ed25519 hashes what it signs itself. */
const digestOf = ({ asymmetricKeyType }: KeyObject): string | null =>
  asymmetricKeyType === 'ed25519' ? null : 'sha256';

function makeKey(keyType: KeyType): KeyObject {
  switch (keyType) {
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: RSA_BITS }).privateKey;
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey;
    default:
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  }
}

const pem = (bytes: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;

/** Makes a key and its certificate. */
export function makeCertificate(options: CertificateOptions): Certificate {
  const { name, hosts = [], issuer, keyType = 'ec', days = [-1, 30] } = options;
  const privateKey = options.keyOf?.privateKey ?? makeKey(keyType);
  const signer = issuer?.privateKey ?? privateKey;
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const keyId = createHash('sha1').update(spki).digest();
  const serial = randomBytes(SERIAL_BYTES);
  // Positive, and not shorter than it is long.
  serial[0] = 0x40 | ((serial[0] as number) & 0x3f);
  const body = der(
    'sequence',
    der('version', der('integer', hex('02'))),
    der('integer', serial),
    algorithmOf(signer),
    nameOf(issuer?.name ?? name),
    der('sequence', timeOf(days[0]), timeOf(days[1])),
    nameOf(name),
    spki,
    extensionsOf({
      isAuthority: options.isAuthority ?? issuer === undefined,
      hosts,
      keyId,
      issuerKeyId: issuer?.keyId ?? keyId,
      comment: options.comment,
    }),
  );
  const signature = der('bits', hex('00'), sign(digestOf(signer), body, signer));
  return {
    name,
    cert: pem(der('sequence', body, algorithmOf(signer), signature)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    privateKey,
    keyId,
  };
}

/** A server's certificate for `localhost` and 127.0.0.1, and the authority that has signed it. */
export function makeServerCertificate(keyType: KeyType = 'ec'): {
  readonly authority: Certificate;
  readonly server: Certificate;
} {
  const authority = makeCertificate({ name: 'Authority of a test', keyType });
  const server = makeCertificate({ name: 'localhost', hosts: ['localhost', '127.0.0.1'], issuer: authority, keyType });
  return { authority, server };
}
