/**
 * Contexts of `node:tls` with the options that they were made of. The engine makes a context of its own of the same options,
 * because one of `node:tls` calls back into objects that the engine's connections do not have.
 */

import type tls from 'node:tls';
import { createSecureContext, SecureContext } from '../../tls/context.js';
import { lateTls } from '../../tls/late-modules.js';
import { contextOptionsOf } from '../../tls/options.js';

/** Options of keys that are in an engine of OpenSSL. */
const FOREIGN_KEYS = ['clientCertEngine', 'privateKeyEngine', 'privateKeyIdentifier'] as const;

export function hasForeignKeys(options: object): boolean {
  return FOREIGN_KEYS.some((name) => Boolean((options as Record<string, unknown>)[name]));
}

/** The context of the engine, or the options for it until it is needed. */
const recorded = new WeakMap<object, SecureContext | object>();

let makeNodes: typeof tls.createSecureContext | undefined;

/** As `tls.createSecureContext`: its contexts serve both Node and the engine. */
export function createRecordedContext(options?: tls.SecureContextOptions): tls.SecureContext {
  makeNodes ??= lateTls().createSecureContext;
  const made = makeNodes(options);
  if (options === undefined || options === null || !hasForeignKeys(options)) {
    recorded.set(made, contextOptionsOf(options ?? {}));
  }
  return made;
}

Object.defineProperty(createRecordedContext, 'name', { value: 'createSecureContext' });

/** Keeps the function of Node that `createRecordedContext` calls, before that replaces it. */
export function keepNodes({ createSecureContext: own }: typeof tls): void {
  makeNodes ??= own;
}

/** The engine's context of a context of Node; undefined for one of unknown options. */
export function engineContextOf(made: object): SecureContext | undefined {
  const found = recorded.get(made);
  if (found === undefined || isMade(found)) {
    return found;
  }
  const own = createSecureContext(found);
  recorded.set(made, own);
  return own;
}

function isMade(found: object): found is SecureContext {
  return found instanceof SecureContext;
}
