/** The engines that `listen` and `connect` share unless they are given one: one for each driver and thread. */

import { invalidType } from '../base/argument-errors.js';
import { OperationError } from '../base/errors.js';
import { setImmediate } from '../base/runtime.js';
import type { DriverChoice, DriverSource } from '../drivers/driver.js';
import { Engine } from './engine.js';
import type { EngineCore } from './engine-core.js';

/** The options of `listen` and `connect` that choose an engine. */
export interface EngineChoice {
  /**
   * The engine to run on.
   * @default an engine that all servers and clients of this thread and driver share
   */
  readonly engine?: Engine;
  /**
   * The driver of the shared engine: `iocp`, `io_uring`, `epoll`, `select`, `node`, `auto` for the first of them that this
   * system can run, or an object that opens one, such as a simulated network. It is an error with `engine`, which has its own driver.
   * @default 'auto'
   */
  readonly driver?: DriverChoice | DriverSource;
}

interface Shared {
  readonly engine: Engine;
  users: number;
}

const engines = new Map<DriverChoice | DriverSource, Shared>();

/** An engine that somebody uses until `release`. The last one's release closes a shared engine. */
export interface EngineUse {
  readonly engine: EngineCore;
  release(): void;
}

/** An engine of a caller. @throws TypeError `ERR_INVALID_ARG_TYPE` */
export function anEngine(name: string, engine: unknown): void {
  if (!(engine instanceof Engine)) {
    throw invalidType(name, 'an Engine of this copy of overlapped', engine);
  }
}

/** @throws OperationError `EBADF` when the engine is closed */
export function requireEngineOpen(engine: Engine, syscall: string): void {
  if (engine.isClosed) {
    throw new OperationError({ code: 'EBADF', reason: 'The engine is closed', syscall });
  }
}

/** Uses an engine of the caller's, or the shared one of a driver. @throws OperationError `EBADF`, what opening a driver throws */
export function useEngine({ engine: own, driver: named }: EngineChoice, syscall: string): EngineUse {
  if (own !== undefined && own !== null) {
    requireEngineOpen(own, syscall);
    return { engine: own.core, release: () => undefined };
  }
  const driver = named ?? 'auto';
  const shared = sharedEngine(driver);
  shared.users++;
  let used = true;
  return {
    engine: shared.engine.core,
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

function sharedEngine(driver: DriverChoice | DriverSource): Shared {
  const known = engines.get(driver);
  if (known !== undefined && !known.engine.isClosed) {
    return known;
  }
  const shared = { engine: new Engine({ driver }), users: 0 };
  engines.set(driver, shared);
  return shared;
}

function closeUnused(driver: DriverChoice | DriverSource, shared: Shared): void {
  if (shared.users === 0 && !shared.engine.isClosed) {
    engines.delete(driver);
    shared.engine.close();
  }
}
