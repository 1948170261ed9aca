/**
 * Ends a worker from outside, but not before it has declared its foreign functions: koffi 3.3 ends the whole process when
 * a worker is terminated while it declares one (its error finds a JavaScript that is over).
 */

import type { Worker } from 'node:worker_threads';

export class WorkerEnd {
  readonly #worker: Worker;
  #loaded = false;
  #wanted = false;

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** The worker has declared what it calls: it says so itself. */
  loaded(): void {
    this.#loaded = true;
    if (this.#wanted) {
      this.terminate();
    }
  }

  /** Ends it where it is, or when it has loaded. */
  terminate(): void {
    this.#wanted = true;
    if (this.#loaded) {
      void this.#worker.terminate();
    }
  }
}
