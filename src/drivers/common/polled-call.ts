/** The system call that a readiness poller waits in: what its failures mean, and when to make it again. */

import { systemClock } from '../../base/clock.js';
import type { ErrorTable } from '../../base/errors.js';
import { PASSING, Retry } from './retry.js';

export class PolledCall {
  readonly #name: string;
  readonly #errors: ErrorTable;
  readonly #retry = new Retry(systemClock);

  constructor(name: string, errors: ErrorTable) {
    this.#name = name;
    this.#errors = errors;
  }

  /** To be asked before each call: how long it may wait. Behind a failure it is this that waits. */
  begin(timeoutMs: number): number {
    if (this.#retry.at === Infinity) {
      // The last call has not failed.
      this.#retry.succeeded();
      return timeoutMs;
    }
    this.#retry.block(timeoutMs);
    this.#retry.clear();
    return 0;
  }

  /** The call has failed. Returns what is ready: nothing. @throws OperationError what will not pass */
  failed(systemNumber: number): 0 {
    // An interrupted call is made again soon, too, without being asked for: a watch may report a readiness only once.
    if (!PASSING.has(this.#errors.codeOf(systemNumber))) {
      throw this.#errors.create(systemNumber, this.#name);
    }
    this.#retry.failed();
    return 0;
  }

  /** When the call is to be made again; Infinity when that can wait until there is something to do. */
  get retryAt(): number {
    return this.#retry.at;
  }
}
