/**
 * Contexts of the system's OpenSSL, made from the options of `tls.createSecureContext` by OpenSSL's own functions, in the
 * order in which Node applies them. The defaults are Node's: versions, ciphers and root certificates.
 */

import { Buffer } from 'node:buffer';
import type { SecureContextOptions } from 'node:tls';
import { invalidValue, misuse } from '../base/argument-errors.js';
import { INT_MAX, numberOr } from '../base/validate.js';
import { addressOfBytes } from '../ffi/library.js';
import { keepUntilHere } from '../ffi/memory.js';
import type { OpenSsl } from '../ffi/openssl.js';
import type { ContextFunctions } from '../ffi/openssl-contexts.js';
import { takeError } from './errors.js';
import { lateCrypto, lateTls } from './late-modules.js';
import type { TlsLibrary } from './library.js';
import { bytesOf, type Identity, PemReader, textOf } from './pem.js';
import { addRoots, sharedRoots } from './roots.js';

/** Commands of SSL_CTX_ctrl (openssl/ssl.h). */
const SSL_CTRL_SET_SESS_CACHE_MODE = 44;
const SSL_CTRL_SET_TLSEXT_TICKET_KEYS = 59;
const SSL_CTRL_CHAIN = 88;
const SSL_CTRL_CHAIN_CERT = 89;
const SSL_CTRL_SET_GROUPS_LIST = 92;
const SSL_CTRL_SET_SIGALGS_LIST = 98;
const SSL_CTRL_SET_DH_AUTO = 118;
const SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
const SSL_CTRL_SET_MAX_PROTO_VERSION = 124;

/** The context shall take a reference of its own. */
const ADD_REFERENCE = 1;

const SSL_OP_CIPHER_SERVER_PREFERENCE = 0x40_0000;

/** SSL_SESS_CACHE_BOTH | SSL_SESS_CACHE_NO_AUTO_CLEAR | SSL_SESS_CACHE_NO_INTERNAL: sessions are kept in tickets. */
const SESSION_CACHE_MODE = 0x383;

const X509_V_FLAG_CRL_CHECK = 0x4;
const X509_V_FLAG_CRL_CHECK_ALL = 0x8;
const X509_V_FLAG_PARTIAL_CHAIN = 0x8_0000;

const VERSIONS: Readonly<Record<string, number>> = {
  TLSv1: 0x301,
  'TLSv1.1': 0x302,
  'TLSv1.2': 0x303,
  'TLSv1.3': 0x304,
};

/** As in Node 20 and later. Other runtimes have lists for other libraries. */
const DEFAULT_CIPHERS = [
  'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384',
  'DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA256:DHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA384',
  'DHE-RSA-AES256-SHA384:ECDHE-RSA-AES256-SHA256:DHE-RSA-AES256-SHA256',
  'HIGH:!aNULL:!eNULL:!EXPORT:!DES:!RC4:!MD5:!PSK:!SRP:!CAMELLIA',
].join(':');

const DH_BITS_MIN = 1024;
const TICKET_KEYS_BYTES = 48;
/** The name of a ticket's key is the first part of `ticketKeys`; the keys of OpenSSL are longer than the rest. */
const TICKET_NAME_BYTES = 16;

/** Options that need node:tls, or another way. */
const REFUSED: Readonly<Record<string, string>> = {
  secureProtocol: 'use minVersion and maxVersion',
  clientCertEngine: 'use key and cert',
  privateKeyEngine: 'use key',
  privateKeyIdentifier: 'use key',
};

type Given = Readonly<Record<keyof SecureContextOptions | 'allowPartialTrustChain', unknown>>;

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);
const isGiven = (value: unknown): boolean => (value ?? undefined) !== undefined;

/** A key or a file with the passphrase of its own: `{ pem, passphrase }`, `{ buf, passphrase }`. */
function withPassphrase(
  value: unknown,
  name: 'pem' | 'buf',
  common: unknown,
): readonly [value: unknown, secret: unknown] {
  const parts = value as { readonly pem?: unknown; readonly buf?: unknown; readonly passphrase?: unknown } | null;
  const own = typeof value === 'object' && !ArrayBuffer.isView(value) ? parts?.[name] : undefined;
  return [own ?? value, (own === undefined ? undefined : parts?.passphrase) ?? common ?? undefined];
}

function versionOf(name: string, value: unknown): number {
  const version = typeof value === 'string' ? VERSIONS[value] : undefined;
  if (version === undefined) {
    throw invalidValue(name, Object.keys(VERSIONS).join(', '), value);
  }
  return version;
}

class ContextMaker {
  readonly address: number;
  readonly #library: TlsLibrary;
  readonly #openssl: OpenSsl;
  readonly #contexts: ContextFunctions;
  readonly #pem: PemReader;

  constructor(library: TlsLibrary, contexts: ContextFunctions) {
    const { openssl } = library;
    this.#library = library;
    this.#openssl = openssl;
    this.#contexts = contexts;
    this.#pem = new PemReader(openssl, contexts);
    openssl.ERR_clear_error();
    this.address = contexts.SSL_CTX_new(contexts.TLS_method());
    this.#check(this.address);
  }

  /** OpenSSL's functions return 1 or an address if they succeed. */
  #check(result: number): void {
    if (result <= 0) {
      throw takeError(this.#openssl, 'tls');
    }
  }

  #control(command: number, number: number, object = 0): void {
    this.#check(this.#contexts.SSL_CTX_ctrl(this.address, command, number, object));
  }

  #controlBytes(command: number, number: number, bytes: Buffer): void {
    this.#control(command, number, addressOfBytes(bytes));
    keepUntilHere(bytes);
  }

  apply(options: Given): void {
    for (const [name, advice] of Object.entries(REFUSED)) {
      if (isGiven(options[name as keyof Given])) {
        throw misuse(`${name}: it needs the OpenSSL of Node, and this is the system's; ${advice}`);
      }
    }
    this.#protocols(options);
    // Before the keys, as a list of ciphers can set the security level: DEFAULT@SECLEVEL=0.
    this.#ciphers(options);
    const store = this.#trust(options);
    this.#certificates(options.cert);
    this.#keys(options);
    this.#exchange(options);
    if (isGiven(options.crl)) {
      this.#revoked(options.crl, store);
    }
    if (isGiven(options.pfx)) {
      for (const file of listOf(options.pfx)) {
        const [bytes, secret] = withPassphrase(file, 'buf', options.passphrase);
        this.#pem.identity(bytesOf('pfx', bytes), secret, (identity) => this.#identity(identity, store));
      }
    }
    this.#sessions(options);
  }

  #protocols({ minVersion, maxVersion, secureOptions, honorCipherOrder }: Given): void {
    const { DEFAULT_MIN_VERSION, DEFAULT_MAX_VERSION } = lateTls();
    const least = versionOf('minVersion', minVersion ?? DEFAULT_MIN_VERSION);
    const most = versionOf('maxVersion', maxVersion ?? DEFAULT_MAX_VERSION);
    this.#control(SSL_CTRL_SET_MIN_PROTO_VERSION, least);
    this.#control(SSL_CTRL_SET_MAX_PROTO_VERSION, most);
    const flags = numberOr('secureOptions', secureOptions, 0, { least: 0, most: Number.MAX_SAFE_INTEGER, whole: true });
    this.#contexts.SSL_CTX_set_options(this.address, flags);
    if (honorCipherOrder === true) {
      this.#contexts.SSL_CTX_set_options(this.address, SSL_OP_CIPHER_SERVER_PREFERENCE);
    }
  }

  /** Suites of TLS 1.3 have a list of their own. */
  #ciphers({ ciphers, minVersion, maxVersion }: Given): void {
    textOf('ciphers', ciphers ?? '');
    const names = ((ciphers as string | undefined) || DEFAULT_CIPHERS).split(':').filter((name) => name !== '');
    const suites = names.filter((name) => name.startsWith('TLS_'));
    const older = names.filter((name) => !name.startsWith('TLS_'));
    if (names.length === 0) {
      throw invalidValue('ciphers', 'a list of ciphers', ciphers);
    }
    if (suites.length > 0) {
      this.#set(this.#contexts.SSL_CTX_set_ciphersuites, suites.join(':'));
    }
    if (older.length > 0) {
      this.#set(this.#contexts.SSL_CTX_set_cipher_list, older.join(':'));
    } else if (minVersion !== 'TLSv1.3' && (maxVersion ?? 'TLSv1.3') === 'TLSv1.3') {
      // Older versions have no cipher left.
      this.#control(SSL_CTRL_SET_MIN_PROTO_VERSION, VERSIONS['TLSv1.3'] as number);
    }
  }

  #set(call: (context: number, text: number) => number, text: string): void {
    const bytes = Buffer.from(`${text}\0`);
    this.#check(call(this.address, addressOfBytes(bytes)));
    keepUntilHere(bytes);
  }

  /** @returns the store of the context; 0 if it is shared */
  #trust({ ca, crl, pfx, allowPartialTrustChain }: Given): number {
    const contexts = this.#contexts;
    if (!ca && !isGiven(crl) && !isGiven(pfx) && allowPartialTrustChain !== true) {
      contexts.SSL_CTX_set1_cert_store(this.address, sharedRoots(this.#library, contexts, this.#pem));
      return 0;
    }
    const store = contexts.SSL_CTX_get_cert_store(this.address);
    if (!ca) {
      addRoots(contexts, this.#pem, store);
    }
    for (const pem of ca ? listOf(ca) : []) {
      this.#pem.eachCertificate(bytesOf('ca', pem), (certificate) => this.#trustIn(certificate, store));
    }
    if (allowPartialTrustChain === true) {
      contexts.X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    }
    return store;
  }

  #trustIn(certificate: number, store: number): void {
    // It returns 0 for one that is there already.
    this.#contexts.X509_STORE_add_cert(store, certificate);
    this.#contexts.SSL_CTX_add_client_CA(this.address, certificate);
    this.#openssl.ERR_clear_error();
  }

  #certificates(cert: unknown): void {
    for (const pem of cert ? listOf(cert) : []) {
      this.#pem.eachCertificate(bytesOf('cert', pem), (certificate, index) => {
        if (index === 0) {
          this.#ownCertificate(certificate);
        } else {
          this.#control(SSL_CTRL_CHAIN_CERT, ADD_REFERENCE, certificate);
        }
      });
    }
  }

  /** The certificates that follow are its chain. */
  #ownCertificate(certificate: number): void {
    this.#check(this.#contexts.SSL_CTX_use_certificate(this.address, certificate));
    this.#control(SSL_CTRL_CHAIN, 0);
  }

  #keys({ key, passphrase }: Given): void {
    for (const each of key ? listOf(key) : []) {
      const [pem, secret] = withPassphrase(each, 'pem', passphrase);
      this.#pem.key(bytesOf('key', pem), secret, (read) => {
        this.#check(this.#contexts.SSL_CTX_use_PrivateKey(this.address, read));
      });
    }
  }

  #identity({ key, certificate, others }: Identity, store: number): void {
    if (key === 0 || certificate === 0) {
      throw misuse('pfx: expected a key and its certificate');
    }
    this.#ownCertificate(certificate);
    this.#check(this.#contexts.SSL_CTX_use_PrivateKey(this.address, key));
    for (const other of others) {
      this.#control(SSL_CTRL_CHAIN_CERT, ADD_REFERENCE, other);
      this.#trustIn(other, store);
    }
  }

  #exchange({ sigalgs, ecdhCurve, dhparam }: Given): void {
    if (isGiven(sigalgs)) {
      this.#controlBytes(SSL_CTRL_SET_SIGALGS_LIST, 0, textOf('sigalgs', sigalgs));
    }
    const curves = textOf('ecdhCurve', ecdhCurve ?? 'auto');
    if ((ecdhCurve ?? 'auto') !== 'auto') {
      this.#controlBytes(SSL_CTRL_SET_GROUPS_LIST, 0, curves);
    }
    if (dhparam === 'auto') {
      this.#control(SSL_CTRL_SET_DH_AUTO, 1);
    } else if (isGiven(dhparam)) {
      this.#pem.parameters(bytesOf('dhparam', dhparam), (parameters) => this.#parameters(parameters));
    }
  }

  #parameters(parameters: number): void {
    const { EVP_PKEY_get_bits, EVP_PKEY_up_ref, EVP_PKEY_free, SSL_CTX_set0_tmp_dh_pkey } = this.#contexts;
    const bits = EVP_PKEY_get_bits(parameters);
    if (bits < DH_BITS_MIN) {
      throw misuse(`dhparam: expected at least ${DH_BITS_MIN} bits, got ${bits}`);
    }
    EVP_PKEY_up_ref(parameters);
    // On success the context has that reference.
    const done = SSL_CTX_set0_tmp_dh_pkey(this.address, parameters);
    if (done !== 1) {
      EVP_PKEY_free(parameters);
    }
    this.#check(done);
  }

  #revoked(crl: unknown, store: number): void {
    for (const pem of listOf(crl)) {
      this.#pem.eachRevocationList(bytesOf('crl', pem), (list) => {
        this.#check(this.#contexts.X509_STORE_add_crl(store, list));
      });
    }
    this.#contexts.X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  }

  #sessions({ sessionIdContext, sessionTimeout, ticketKeys }: Given): void {
    const contexts = this.#contexts;
    contexts.SSL_CTX_ctrl(this.address, SSL_CTRL_SET_SESS_CACHE_MODE, SESSION_CACHE_MODE, 0);
    if (isGiven(sessionIdContext)) {
      const id = textOf('sessionIdContext', sessionIdContext);
      this.#check(contexts.SSL_CTX_set_session_id_context(this.address, addressOfBytes(id), id.length - 1));
      keepUntilHere(id);
    }
    if (isGiven(sessionTimeout)) {
      contexts.SSL_CTX_set_timeout(
        this.address,
        numberOr('sessionTimeout', sessionTimeout, 0, { least: 0, most: INT_MAX, whole: true }),
      );
    }
    if (isGiven(ticketKeys)) {
      const keys = bytesOf('ticketKeys', ticketKeys);
      if (typeof ticketKeys === 'string' || keys.length !== TICKET_KEYS_BYTES) {
        throw invalidValue('ticketKeys', `${TICKET_KEYS_BYTES} bytes`, ticketKeys);
      }
      const derived = lateCrypto().createHash('sha512').update(keys).digest();
      const longer = Buffer.concat([keys.subarray(0, TICKET_NAME_BYTES), derived]);
      this.#controlBytes(SSL_CTRL_SET_TLSEXT_TICKET_KEYS, longer.length, longer);
    }
  }
}

/**
 * Makes an SSL_CTX.
 * @returns its address, with a reference for the caller
 * @throws OperationError, TypeError, RangeError for wrong options
 */
export function makeContext(library: TlsLibrary, contexts: ContextFunctions, options: SecureContextOptions): number {
  const maker = new ContextMaker(library, contexts);
  try {
    maker.apply(options as unknown as Given);
  } catch (error) {
    library.openssl.SSL_CTX_free(maker.address);
    throw error;
  }
  return maker.address;
}
