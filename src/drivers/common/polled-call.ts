/** The system call that a driver waits in: handles its failures, and says when to repeat it after a shortage. */

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

  /** Call it before each system call: returns how long the call may wait. After a failure this method waits instead. */
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

  /**
   * The call has failed. Returns the number of events, which is 0.
   * @throws OperationError if the failure is permanent
   */
  failed(systemNumber: number): 0 {
    const code = this.#errors.codeOf(systemNumber);
    if (code === 'EINTR') {
      // At once: a signal is no shortage, and a watch may report a readiness only once.
      this.#retry.again();
    } else if (PASSING.has(code)) {
      this.#retry.failed();
    } else {
      throw this.#errors.create(systemNumber, this.#name);
    }
    return 0;
  }

  /** When to repeat the call; Infinity if nothing waits for that. */
  get retryAt(): number {
    return this.#retry.at;
  }
}
