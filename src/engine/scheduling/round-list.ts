/** Work scheduled for the next round. A list keeps its capacity between rounds: growing an array costs more than most entries. */

import { reportUncaught } from '../../base/throw-async.js';

export class RoundList<T extends object> {
  #now: (T | undefined)[] = [];
  #next: (T | undefined)[] = [];
  /** Entries that wait. */
  length = 0;

  push(entry: T): void {
    const { length } = this;
    if (length < this.#next.length) {
      this.#next[length] = entry;
    } else {
      this.#next.push(entry);
    }
    this.length = length + 1;
  }

  /**
   * Calls `action` with each entry, in order. Entries that are pushed meanwhile wait for the next call. An error of `action` is
   * reported as uncaught, and the other entries still have their call.
   */
  drain(action: (entry: T) => void): void {
    const { length } = this;
    if (length === 0) {
      return;
    }
    const entries = this.#next;
    this.#next = this.#now;
    this.#now = entries;
    this.length = 0;
    for (let index = 0; index < length; index++) {
      const entry = entries[index] as T;
      entries[index] = undefined;
      try {
        action(entry);
      } catch (error) {
        reportUncaught(error);
      }
    }
  }
}
