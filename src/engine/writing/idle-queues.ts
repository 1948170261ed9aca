/** Write queues that no connection uses, kept for the next connection that writes. */

import type { WriteQueue } from './write-queue.js';

const IDLE_QUEUES_MAX = 256;

export class IdleQueues {
  /** The first `#count` of them are queues. */
  readonly #queues: (WriteQueue | undefined)[] = Array.from({ length: IDLE_QUEUES_MAX }, () => undefined);
  #count = 0;

  take(): WriteQueue | undefined {
    return this.#count === 0 ? undefined : this.#queues[--this.#count];
  }

  /** Takes an empty queue back. */
  give(queue: WriteQueue): void {
    queue.rest();
    if (this.#count < IDLE_QUEUES_MAX) {
      this.#queues[this.#count++] = queue;
    }
  }
}
