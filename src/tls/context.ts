/**
 * Secure contexts: keys, certificates, trusted certificates and ciphers. `tls.createSecureContext` makes them, so their
 * options are Node's own; OpenSSL's `SSL_CTX*` is found through `util.inspect`, which prints the address of the object's
 * External on all versions of Node. For the system's OpenSSL, `system-context.ts` makes them.
 */

import type tls from 'node:tls';
import { inspect } from 'node:util';
import { SSL_CTX_OBJECT } from '../ffi/openssl-objects.js';
import { tlsError } from './errors.js';
import { lateTls } from './late-modules.js';
import { type TlsLibrary, tlsLibrary } from './library.js';
import { makeContext } from './system-context.js';

/** The options of `tls.createSecureContext`. */
export type SecureContextOptions = tls.SecureContextOptions;

/** The form in which util.inspect prints the External of an address. */
const EXTERNAL = /^\[External: (?:0x)?([0-9a-f]{4,16})\]$/i;

/** Addresses of user space. */
const ADDRESS_MAX = 2 ** 47;

/** A context as `tls.createSecureContext` makes it. */
export interface NodeContext {
  readonly context?: { readonly _external?: unknown };
}

/** The address of the `SSL_CTX` of a context of Node. @throws OperationError `ERR_TLS_UNAVAILABLE` */
export function addressOf({ context }: NodeContext): number {
  const printed = inspect(context?._external);
  const [, digits] = EXTERNAL.exec(printed) ?? [];
  const address = digits === undefined ? 0 : Number.parseInt(digits, 16);
  if (address === 0 || address >= ADDRESS_MAX || address % 8 !== 0) {
    throw tlsError(
      'ERR_TLS_UNAVAILABLE',
      `TLS is not available: this version of Node does not show the address of a secure context (${printed}); use another one`,
      'tls',
    );
  }
  return address;
}

/** Frees contexts whose last holder is garbage. */
const freed = new FinalizationRegistry<Reference>(({ library, address, place }) => {
  library.objects.remove(place);
  library.openssl.SSL_CTX_free(address);
});

let contextAddress: (context: SecureContext) => number;

/** A reference to an `SSL_CTX`. */
interface Reference {
  readonly library: TlsLibrary;
  readonly address: number;
  /** Among the objects of the thread. */
  readonly place: number;
}

/**
 * Node's objects, of the contexts that node:tls has made. OpenSSL's callback for session tickets uses them, so each
 * connection holds its context, and with it Node's object, until its SSL is freed.
 */
const madeByNode = new WeakMap<SecureContext, tls.SecureContext>();

/** Contexts whose sessions say which servers may resume them. */
const limiting = new WeakSet<SecureContext>();

/** Whether sessions of a context say which servers may resume them (the option `sessionIdContext`). */
export function limitsSessions(context: SecureContext): boolean {
  return limiting.has(context);
}

/**
 * A secure context that servers and connections of one thread can share. node:tls must not use it too, because its own
 * callbacks are taken out.
 */
export class SecureContext {
  static {
    contextAddress = (context) => context.#address;
  }

  readonly #address: number;
  /**
   * @internal
   * @param address with a reference for this object
   * @param options that it was made of
   */
  constructor(address: number, made: tls.SecureContext | undefined, options: SecureContextOptions) {
    const library = tlsLibrary();
    this.#address = address;
    if ((options.sessionIdContext ?? undefined) !== undefined) {
      limiting.add(this);
    }
    if (made !== undefined) {
      madeByNode.set(this, made);
    }
    const place = library.objects.add(address, SSL_CTX_OBJECT);
    freed.register(this, { library, address, place });
  }
}

/** Makes a context of Node's own OpenSSL. */
function nodesContext({ openssl }: TlsLibrary, options: SecureContextOptions): SecureContext {
  const made = lateTls().createSecureContext(options);
  const address = addressOf(made);
  openssl.SSL_CTX_up_ref(address);
  // Node's callbacks would look for an object of node:tls that our connections do not have.
  openssl.SSL_CTX_sess_set_new_cb(address, 0);
  openssl.SSL_CTX_sess_set_get_cb(address, 0);
  openssl.SSL_CTX_sess_set_remove_cb(address, 0);
  return new SecureContext(address, made, options);
}

/** The address of the `SSL_CTX` of a context. */
export function addressOfContext(context: SecureContext): number {
  return contextAddress(context);
}

/**
 * Makes a secure context, for several servers or for `server.setSecureContext`.
 * @param options those of `tls.createSecureContext`
 * @throws OperationError `ERR_TLS_UNAVAILABLE`; what `tls.createSecureContext` throws for wrong options
 */
export function createSecureContext(options: SecureContextOptions = {}): SecureContext {
  // Fails before the context is made, which is of no use without OpenSSL.
  const library = tlsLibrary();
  const { contexts } = library.openssl;
  return contexts === undefined
    ? nodesContext(library, options)
    : new SecureContext(makeContext(library, contexts, options), undefined, options);
}
