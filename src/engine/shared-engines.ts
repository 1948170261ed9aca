/** The engines that `listen` and `connect` share unless they are given one: one for each driver and thread. */

import { OperationError } from '../base/errors.js';
import { setImmediate } from '../base/runtime.js';
import { Engine } from './engine.js';

/** What `listen` and `connect` take of an engine. */
export interface EngineChoice {
  /** The engine to run on; unless given, one that all servers and clients of this thread and driver share. */
  readonly engine?: Engine;
  /** The driver of that shared engine; `auto` unless told. */
  readonly driver?: string;
}

interface Shared {
  readonly engine: Engine;
  users: number;
}

const engines = new Map<string, Shared>();

/** An engine that somebody uses until `release`. The last one's release closes a shared engine. */
export interface EngineUse {
  readonly engine: Engine;
  release(): void;
}

/** An engine of a caller. @throws OperationError `EBADF` when it is closed, `ERR_INVALID_ARG_TYPE` */
export function checkEngine(engine: Engine): void {
  if (!(engine instanceof Engine)) {
    const reason = `engine: expected an Engine of this copy of overlapped, got ${typeof engine}`;
    throw new OperationError({ code: 'ERR_INVALID_ARG_TYPE', reason, syscall: 'options' });
  }
  if (engine.closed) {
    throw new OperationError({ code: 'EBADF', reason: 'The engine is closed', syscall: 'options' });
  }
}

/** Uses an engine of the caller's, or the shared one of a driver. */
export function useEngine(own: Engine | undefined | null, named: string | undefined | null): EngineUse {
  if (own !== undefined && own !== null) {
    checkEngine(own);
    return { engine: own, release: () => undefined };
  }
  const driver = named ?? 'auto';
  const shared = sharedEngine(driver);
  shared.users++;
  let used = true;
  return {
    engine: shared.engine,
    release: () => {
      if (used) {
        used = false;
        shared.users--;
        // Not at once: whoever closes one thing to open the next goes on with the same port.
        setImmediate(() => closeUnused(driver, shared));
      }
    },
  };
}

function sharedEngine(driver: string): Shared {
  const known = engines.get(driver);
  if (known !== undefined && !known.engine.closed) {
    return known;
  }
  const shared = { engine: new Engine({ driver }), users: 0 };
  engines.set(driver, shared);
  return shared;
}

function closeUnused(driver: string, shared: Shared): void {
  if (shared.users === 0 && !shared.engine.closed) {
    engines.delete(driver);
    shared.engine.close();
  }
}
