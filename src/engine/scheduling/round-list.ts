/**
 * Who has something to do in the next turn: a list that is emptied each turn and keeps its memory, as growing an array
 * again and again costs more than what most entries want.
 */

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
   * Calls `action` with each entry, in order. What is pushed meanwhile waits for the next time. It should not throw; if it
   * does, the error is thrown behind this, as the others are still to be told.
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
