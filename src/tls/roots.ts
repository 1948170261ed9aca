/**
 * The root certificates of Node as a store of the system's OpenSSL. Reading all of them takes milliseconds, so the contexts
 * of a thread share one store; a context that adds something has a store of its own.
 */

import { Buffer } from 'node:buffer';
import type { ContextFunctions } from '../ffi/openssl-contexts.js';
import { X509_STORE_OBJECT } from '../ffi/openssl-objects.js';
import { lateTls } from './late-modules.js';
import type { TlsLibrary } from './library.js';
import type { PemReader } from './pem.js';

/** The functions of node:tls that are used here; the second exists since Node 22.15. */
interface Roots {
  readonly rootCertificates?: readonly string[];
  readonly getCACertificates?: (type: 'default') => readonly string[];
}

/**
 * The certificates that Node trusts by default. Since Node 22.15 they include those of NODE_EXTRA_CA_CERTS, and since 22.19
 * programs can set them.
 */
export function rootsOfNode(): readonly string[] {
  const { rootCertificates = [], getCACertificates } = lateTls() as Roots;
  return getCACertificates?.('default') ?? rootCertificates;
}

/** Adds the roots to a store: those of the system, if this runtime has none. */
export function addRoots(contexts: ContextFunctions, pem: PemReader, store: number, roots = rootsOfNode()): void {
  if (roots.length === 0) {
    contexts.X509_STORE_set_default_paths(store);
    return;
  }
  pem.eachCertificate(Buffer.from(roots.join('\n')), (root) => {
    contexts.X509_STORE_add_cert(store, root);
  });
}

/** Whether nothing has changed between two answers of `rootsOfNode`. */
export function areSameRoots(some: readonly string[], others: readonly string[]): boolean {
  return some === others || (some.length === others.length && some.every((one, index) => one === others[index]));
}

let shared = { store: 0, place: 0, roots: [] as readonly string[] };

/** The store of this thread, to which nothing may be added. The thread keeps a reference of it, until the roots change. */
export function sharedRoots({ objects }: TlsLibrary, contexts: ContextFunctions, pem: PemReader): number {
  const roots = rootsOfNode();
  if (shared.store === 0 || !areSameRoots(shared.roots, roots)) {
    const before = shared;
    const store = contexts.X509_STORE_new();
    shared = { store, place: objects.add(store, X509_STORE_OBJECT), roots };
    addRoots(contexts, pem, store, roots);
    if (before.store !== 0) {
      objects.remove(before.place);
      contexts.X509_STORE_free(before.store);
    }
  }
  return shared.store;
}
