/**
 * The async context (AsyncLocalStorage) of a program's functions. They run in the context of the call that they were passed
 * to, as with `node:net`; never in the context of the code that started the port, posted last, or ran earlier in the turn.
 *
 * Since Node 24 (AsyncContextFrame), leaving a context restores the previous one, and entering one costs about 10 ns. On Node 20
 * and 22 a store is a property of the current AsyncResource, under a symbol of its AsyncLocalStorage. A store that a function
 * sets with `enterWith` stays on the resource, so the resource is cleaned before each call. On the other hand, stores can be
 * inspected there: if a program has none when it calls `listen` or `connect`, its handlers of data and messages are called
 * directly, in the root context of the turn. A check at load finds out which of the two this runtime does; one that does neither
 * (Bun) is treated like Node 24.
 */

import { AsyncLocalStorage, AsyncResource, executionAsyncResource } from 'node:async_hooks';

const TYPE = 'OVERLAPPED';

/** The symbols of an AsyncResource that are not stores: its own id and the id of its trigger. */
const NUMBERS: ReadonlySet<symbol> = new Set(
  Object.getOwnPropertySymbols(new AsyncResource(TYPE)).filter(({ description = '' }) =>
    description.includes('async_id'),
  ),
);

/** The most stores that are reset one by one when a resource is cleaned. */
const KEYS_MAX = 32;

type Call<Self, Rest extends unknown[], Result> = (this: Self, ...rest: Rest) => Result;

/** A context that functions of a program can be called in. */
export interface AsyncContext {
  /** Calls a function from anywhere, for example from within another call of the program. */
  enter<Self, Rest extends unknown[], Result>(call: Call<Self, Rest, Result>, self: Self, ...rest: Rest): Result;
  /** Calls a function from a turn of an engine, which is in the root context and not in a call of the program. */
  run<Self, Rest extends unknown[], Result>(call: Call<Self, Rest, Result>, self: Self, ...rest: Rest): Result;
  /** The same without an array of arguments, for the hot path. */
  runWith<Self, A, B, Result>(call: Call<Self, [A, B], Result>, self: Self, a: A, b: B): Result;
}

type Stores = Record<symbol, unknown>;

function storesOf(resource: AsyncResource): Stores {
  return resource as unknown as Stores;
}

function storeKeys(resource: AsyncResource): symbol[] {
  return Object.getOwnPropertySymbols(resource).filter((key) => !NUMBERS.has(key));
}

function hasStores(resource: object): boolean {
  for (const key of Object.getOwnPropertySymbols(resource)) {
    if (!NUMBERS.has(key) && (resource as Stores)[key] !== undefined) {
      return true;
    }
  }
  return false;
}

/** A resource without stores. The library may be loaded in a context that has some: a lazy import may be part of a request. */
function emptyResource(): AsyncResource {
  const resource = new AsyncResource(TYPE);
  for (const key of storeKeys(resource)) {
    Reflect.set(resource, key, undefined);
  }
  return resource;
}

/** Whether stores are properties of resources here, and a resource without such properties has no store. */
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

/** A context for runtimes that restore the previous context when one is left. */
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

/** The symbols of the stores that were set on cleaned resources. */
const enteredKeys = new WeakMap<object, symbol[]>();

/**
 * Setting a property that an object does not have goes through its prototypes. So this prototype sees each new store of a
 * resource once.
 */
const watchingPrototype = new Proxy(AsyncResource.prototype, {
  set(_, key, value, receiver: object) {
    enteredKeys.get(receiver)?.push(key as symbol);
    return Reflect.defineProperty(receiver, key, { value, configurable: true, enumerable: true, writable: true });
  },
});

class WatchedResource extends AsyncResource {}
Object.setPrototypeOf(WatchedResource.prototype, watchingPrototype);

// Called directly: a lookup would go through that prototype.
const runInAsyncScope = AsyncResource.prototype.runInAsyncScope as (
  this: AsyncResource,
  call: unknown,
  self: unknown,
  ...rest: unknown[]
) => unknown;

/** A context whose resource gets its original stores back before each call. */
class CleanedScope implements AsyncContext {
  readonly #resource: WatchedResource;
  readonly #stores: ReadonlyMap<symbol, unknown>;
  /** The symbols of the original stores, and of those that were set later. */
  readonly #keys: symbol[];
  /** Whether a call in it is under way: cleaning would remove a store that the call uses. */
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
      // The program creates one AsyncLocalStorage after the other.
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

/** The context of a program without stores: the root context, in which a turn already is. */
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

/** The context in which engines run their turns. It has no stores. */
export const rootContext: AsyncContext = STORES_ARE_PROPERTIES
  ? rootOfProperties()
  : new RestoredScope(emptyResource());

/** Captures the context of the caller. */
export function callersContext(): AsyncContext {
  if (!STORES_ARE_PROPERTIES) {
    return new RestoredScope(new AsyncResource(TYPE));
  }
  // A new resource would have the stores of this one, and costs more than looking here first.
  if (!hasStores(executionAsyncResource())) {
    return rootContext;
  }
  const resource = new WatchedResource(TYPE);
  // Timers have other symbols too.
  return hasStores(resource) ? new CleanedScope(resource) : rootContext;
}

/** Wraps a callback so that it runs in the context of the current caller. */
export function inCallersContext<Rest extends unknown[]>(callback: (...rest: Rest) => void): (...rest: Rest) => void {
  const context = callersContext();
  return (...rest) => context.enter(callback, undefined, ...rest);
}
