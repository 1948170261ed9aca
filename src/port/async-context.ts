/**
 * The async context (AsyncLocalStorage) that a program's functions run in: that of the call that they were given to, as
 * with `node:net`, and never that of the part of the program that started the port, posted last, or ran before in the
 * same turn.
 *
 * Since Node 24 (AsyncContextFrame), entering a context restores the one before when it is left, and costs some 10 ns.
 * On Node 20 and 22 a store is a property of the current AsyncResource, under a symbol of its AsyncLocalStorage. There a
 * store that a function enters (`enterWith`) stays on the resource, which therefore is cleaned before each call. In return
 * the stores can be looked at: a program that has none when it calls `listen` or `connect` has its handlers of data and
 * messages called directly, in the root context of the turn. A check at load decides which of the two this runtime is; one
 * that is neither (Bun) is treated as the first.
 */

import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';

const TYPE = 'OVERLAPPED';

/** The symbols of an AsyncResource that are no store: its own number and that of its maker. */
const NUMBERS: ReadonlySet<symbol> = new Set(
  Object.getOwnPropertySymbols(new AsyncResource(TYPE)).filter(({ description = '' }) =>
    description.includes('async_id'),
  ),
);

/** The most stores that a resource is cleaned of one by one. */
const KEYS_MAX = 32;

type Call<Self, Rest extends unknown[], Result> = (this: Self, ...rest: Rest) => Result;

/** A context that functions of a program can be called in. */
export interface AsyncContext {
  /** Calls from anywhere, such as from within another call of the program. */
  enter<Self, Rest extends unknown[], Result>(call: Call<Self, Rest, Result>, self: Self, ...rest: Rest): Result;
  /** Calls from a turn of an engine, which is in the root context and in no call of the program. */
  run<Self, Rest extends unknown[], Result>(call: Call<Self, Rest, Result>, self: Self, ...rest: Rest): Result;
  /** The same for the hot path, without a list of arguments. */
  runWith<Self, A, B, Result>(call: Call<Self, [A, B], Result>, self: Self, a: A, b: B): Result;
}

type Stores = Record<symbol, unknown>;

function storesOf(resource: AsyncResource): Stores {
  return resource as unknown as Stores;
}

function storeKeys(resource: AsyncResource): symbol[] {
  return Object.getOwnPropertySymbols(resource).filter((key) => !NUMBERS.has(key));
}

function hasStores(resource: AsyncResource): boolean {
  for (const key of Object.getOwnPropertySymbols(resource)) {
    if (!NUMBERS.has(key) && storesOf(resource)[key] !== undefined) {
      return true;
    }
  }
  return false;
}

/** A resource without stores, wherever the library is loaded: a lazy import may run on behalf of one request. */
function emptyResource(): AsyncResource {
  const resource = new AsyncResource(TYPE);
  for (const key of storeKeys(resource)) {
    Reflect.set(resource, key, undefined);
  }
  return resource;
}

/** Whether stores are properties of resources, and a resource without them has none. */
function findStoresAsProperties(): boolean {
  const probe = new AsyncLocalStorage<number>();
  const resource = emptyResource();
  try {
    const found = probe.run(1, () => hasStores(new AsyncResource(TYPE)));
    const empty = probe.run(1, () => resource.runInAsyncScope(() => probe.getStore())) === undefined;
    resource.runInAsyncScope(() => probe.enterWith(2));
    return found && empty && hasStores(resource);
  } finally {
    probe.disable();
  }
}

const STORES_ARE_PROPERTIES = findStoresAsProperties();

/** Leaving restores what was before. */
class RestoredScope implements AsyncContext {
  readonly #resource: AsyncResource;

  constructor(resource: AsyncResource) {
    this.#resource = resource;
  }

  enter<Self, Rest extends unknown[], Result>(call: Call<Self, Rest, Result>, self: Self, ...rest: Rest): Result {
    return this.#resource.runInAsyncScope(call, self, ...rest);
  }

  run<Self, Rest extends unknown[], Result>(call: Call<Self, Rest, Result>, self: Self, ...rest: Rest): Result {
    return this.#resource.runInAsyncScope(call, self, ...rest);
  }

  runWith<Self, A, B, Result>(call: Call<Self, [A, B], Result>, self: Self, a: A, b: B): Result {
    return this.#resource.runInAsyncScope(call, self, a, b);
  }
}

/** Stores that were entered in resources that are cleaned. */
const enteredKeys = new WeakMap<object, symbol[]>();

/**
 * A property that an object does not have yet is set through its prototypes, of which this one thereby sees each new store
 * of a resource once.
 */
const watchingPrototype = new Proxy(AsyncResource.prototype, {
  set(_, key, value, receiver: object) {
    enteredKeys.get(receiver)?.push(key as symbol);
    return Reflect.defineProperty(receiver, key, { value, configurable: true, enumerable: true, writable: true });
  },
});

class WatchedResource extends AsyncResource {}
Object.setPrototypeOf(WatchedResource.prototype, watchingPrototype);

// Not looked up behind that prototype.
const runInAsyncScope = AsyncResource.prototype.runInAsyncScope as (
  this: AsyncResource,
  call: unknown,
  self: unknown,
  ...rest: unknown[]
) => unknown;

/** A resource whose stores are what they were in the beginning at each call. */
class CleanedScope implements AsyncContext {
  readonly #resource: WatchedResource;
  readonly #stores: ReadonlyMap<symbol, unknown>;
  /** Stores of the beginning, and those that were entered in it later. */
  readonly #keys: symbol[];
  /** A call in it goes on: cleaning would take a store from under that. */
  #busy = false;

  constructor(resource: WatchedResource) {
    this.#resource = resource;
    this.#keys = storeKeys(resource);
    this.#stores = new Map(this.#keys.map((key) => [key, storesOf(resource)[key]]));
    enteredKeys.set(resource, this.#keys);
  }

  clean(): void {
    if (this.#keys.length === 0) {
      return;
    }
    const stores = storesOf(this.#resource);
    if (this.#keys.length - this.#stores.size > KEYS_MAX) {
      // A program that makes AsyncLocalStorages without end.
      for (const key of this.#keys.splice(this.#stores.size)) {
        Reflect.deleteProperty(stores, key);
      }
    }
    for (const key of this.#keys) {
      stores[key] = this.#stores.get(key);
    }
  }

  enter<Self, Rest extends unknown[], Result>(call: Call<Self, Rest, Result>, self: Self, ...rest: Rest): Result {
    if (this.#busy) {
      return this.#copy().runInAsyncScope(call, self, ...rest);
    }
    this.clean();
    this.#busy = true;
    try {
      return runInAsyncScope.call(this.#resource, call, self, ...rest) as Result;
    } finally {
      this.#busy = false;
    }
  }

  run<Self, Rest extends unknown[], Result>(call: Call<Self, Rest, Result>, self: Self, ...rest: Rest): Result {
    return this.enter(call, self, ...rest);
  }

  runWith<Self, A, B, Result>(call: Call<Self, [A, B], Result>, self: Self, a: A, b: B): Result {
    return this.enter(call, self, a, b);
  }

  #copy(): AsyncResource {
    const copy = emptyResource();
    for (const [key, value] of this.#stores) {
      Reflect.set(copy, key, value);
    }
    return copy;
  }
}

/** Of a program without stores: the root context, which a turn is in already. */
class Direct implements AsyncContext {
  readonly #root: CleanedScope;

  constructor(root: CleanedScope) {
    this.#root = root;
  }

  enter<Self, Rest extends unknown[], Result>(call: Call<Self, Rest, Result>, self: Self, ...rest: Rest): Result {
    return this.#root.enter(call, self, ...rest);
  }

  run<Self, Rest extends unknown[], Result>(call: Call<Self, Rest, Result>, self: Self, ...rest: Rest): Result {
    this.#root.clean();
    return call.apply(self, rest);
  }

  runWith<Self, A, B, Result>(call: Call<Self, [A, B], Result>, self: Self, a: A, b: B): Result {
    this.#root.clean();
    return call.call(self, a, b);
  }
}

function rootOfProperties(): AsyncContext {
  const resource = new WatchedResource(TYPE);
  for (const key of storeKeys(resource)) {
    Reflect.deleteProperty(resource, key);
  }
  return new Direct(new CleanedScope(resource));
}

/** The context in which engines run their turns: no store is in it. */
export const rootContext: AsyncContext = STORES_ARE_PROPERTIES
  ? rootOfProperties()
  : new RestoredScope(emptyResource());

/** The context of the caller. */
export function callersContext(): AsyncContext {
  const resource = new AsyncResource(TYPE);
  if (!STORES_ARE_PROPERTIES) {
    return new RestoredScope(resource);
  }
  return hasStores(resource) ? new CleanedScope(new WatchedResource(TYPE)) : rootContext;
}

/** A callback that runs in the context of the caller, whoever calls it back. */
export function inCallersContext<Rest extends unknown[]>(callback: (...rest: Rest) => void): (...rest: Rest) => void {
  const context = callersContext();
  return (...rest) => context.enter(callback, undefined, ...rest);
}
