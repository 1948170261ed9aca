/**
 * Terminates a worker, but only after it has declared its foreign functions: koffi 3.3 ends the whole process when a worker
 * is terminated while it declares one, because it throws an error into a JavaScript environment that is gone.
 */

import type { Worker } from 'node:worker_threads';

export class WorkerEnd {
  readonly #worker: Worker;
  #loaded = false;
  #wanted = false;

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** The worker reports that it has declared its foreign functions. */
  loaded(): void {
    this.#loaded = true;
    if (this.#wanted) {
      this.terminate();
    }
  }

  /** Terminates it now, or once it has loaded. */
  terminate(): void {
    this.#wanted = true;
    if (this.#loaded) {
      void this.#worker.terminate();
    }
  }
}
