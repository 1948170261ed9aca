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
  readonly getCACertificates?: (type: 'extra') => readonly string[];
}

/** The roots of Node, and those of NODE_EXTRA_CA_CERTS. */
function rootsOfNode(): readonly string[] {
  const { rootCertificates = [], getCACertificates } = lateTls() as Roots;
  return [...rootCertificates, ...(getCACertificates?.('extra') ?? [])];
}

/** Adds the roots to a store: those of the system, if this runtime has none. */
export function addRoots(contexts: ContextFunctions, pem: PemReader, store: number): void {
  const roots = rootsOfNode();
  if (roots.length === 0) {
    contexts.X509_STORE_set_default_paths(store);
    return;
  }
  pem.eachCertificate(Buffer.from(roots.join('\n')), (root) => {
    contexts.X509_STORE_add_cert(store, root);
  });
}

let shared = 0;

/** The store of this thread, to which nothing may be added. It keeps the reference of the thread. */
export function sharedRoots({ objects }: TlsLibrary, contexts: ContextFunctions, pem: PemReader): number {
  if (shared === 0) {
    const store = contexts.X509_STORE_new();
    objects.add(store, X509_STORE_OBJECT);
    addRoots(contexts, pem, store);
    shared = store;
  }
  return shared;
}
