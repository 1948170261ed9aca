/**
 * The async context (AsyncLocalStorage) that a program's functions run in: that of the call that they were given to, as
 * with `node:net`, and never that of the program part that started the port or happened to post last.
 *
 * Entering a context costs some 15 to 30 ns on Node 20. Most programs have no store at all where they call `listen` or
 * `connect`, so a context is only remembered where its stores differ from those of the root context, in which every turn
 * of an engine runs. Node offers no call for that comparison. An `AsyncResource` carries the stores in properties under
 * symbols, on Node 20 and 22 one for each AsyncLocalStorage, since 24 one for all; a check at load proves that this holds
 * here, and where it does not (Bun, a later Node), every context is remembered.
 */

import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';

export type AsyncContext = AsyncResource;

const TYPE = 'OVERLAPPED';

/** The symbols of an AsyncResource that are no store: its own number and that of its maker. */
const NUMBERS = /async_id_symbol/;

function storeKeys(context: AsyncContext): symbol[] {
  return Object.getOwnPropertySymbols(context).filter(({ description }) => !NUMBERS.test(description ?? ''));
}

function storeOf(context: AsyncContext, key: symbol): unknown {
  return (context as unknown as Record<symbol, unknown>)[key];
}

/** Whether the two have the same stores. */
function alike(one: AsyncContext, other: AsyncContext): boolean {
  const keys = [...storeKeys(one), ...storeKeys(other)];
  return keys.every((key) => storeOf(one, key) === storeOf(other, key));
}

/** A context without stores, wherever the library is loaded: a lazy import may run on behalf of one request. */
function emptyContext(): AsyncContext {
  const context = new AsyncResource(TYPE);
  for (const key of storeKeys(context)) {
    Reflect.set(context, key, undefined);
  }
  return context;
}

/** Whether stores are where this file looks for them. */
function storesAreVisible(): boolean {
  const probe = new AsyncLocalStorage<number>();
  try {
    return probe.run(1, () => {
      const empty = emptyContext();
      const sees = empty.runInAsyncScope(() => probe.getStore()) !== undefined;
      return !sees && !alike(new AsyncResource(TYPE), empty);
    });
  } finally {
    probe.disable();
  }
}

const VISIBLE = storesAreVisible();

/** The context in which engines run. */
export const rootContext: AsyncContext = VISIBLE ? emptyContext() : new AsyncResource(TYPE);

/** The context of the caller; undefined where it is the root context, which needs no entering in a turn of an engine. */
export function callersContext(): AsyncContext | undefined {
  const context = new AsyncResource(TYPE);
  return VISIBLE && alike(context, rootContext) ? undefined : context;
}
