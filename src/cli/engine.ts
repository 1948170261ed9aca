/** An engine with the driver that the command line names. */

import { Engine, type EngineOptions, OperationError } from '../index.js';
import { explain, Failure, reasonOf } from './failure.js';

/** @throws Failure if there is no such driver, or if it does not work on this system */
export function openEngine(options: EngineOptions): Engine {
  try {
    return new Engine(options);
  } catch (error) {
    if (error instanceof TypeError && error.message.startsWith('driver: ')) {
      const reason = error.message.replace(/^driver: (expected .*), got .*$/, '$1');
      throw new Failure(
        `unknown driver ${JSON.stringify(options.driver)}: ${reason}; run overlapped doctor to see which work here`,
      );
    }
    if (error instanceof OperationError && error.code === 'ERR_DRIVER_UNAVAILABLE') {
      throw new Failure(`cannot use the driver ${options.driver}: ${reasonOf(error)}`);
    }
    throw explain('cannot open a completion port', error, {
      EMFILE: ['all descriptors of this process are in use', 'raise the limit (ulimit -n)'],
      ENOMEM: ['the system has no memory for it', 'raise the limit of locked memory (ulimit -l)'],
    });
  }
}
