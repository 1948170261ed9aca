/**
 * Decides whether to poll for a moment before the port sleeps in Node's event loop. If the next completion arrives within
 * microseconds, as in a ping-pong, sleeping and waking cost more than a short poll; otherwise polling is wasted. So the port
 * polls as long as that mostly succeeds, and otherwise only now and then.
 */

import { performanceNow } from '../../base/runtime.js';
import { Odds } from './odds.js';

/** The longest try, in ms, when each poll is an iteration of the event loop, so that nothing else waits for it. */
export const SPIN_MS = 0.05;

/** The longest try, in ms, when each poll is a read of memory: the event loop waits for no longer than an iteration takes. */
export const STAY_MS = 0.02;

/** Polls between two reads of the clock, which costs more than they do. */
const POLLS = 8;

export class Spin {
  readonly #durationMs: number;
  readonly #odds = new Odds();
  #until = -1;

  /** @param durationMs the longest try */
  constructor(durationMs: number) {
    this.#durationMs = durationMs;
  }

  /** Whether a try is under way. */
  get active(): boolean {
    return this.#until >= 0;
  }

  /** Whether a try is likely to succeed. */
  isLikely(): boolean {
    return this.#odds.try();
  }

  /** Begins a try, if one is likely to succeed. To be called when all completions were dispatched. */
  begin(): boolean {
    if (!this.#odds.try()) {
      return false;
    }
    this.#until = performanceNow() + this.#durationMs;
    return true;
  }

  /** Whether the try has lasted long enough. */
  get expired(): boolean {
    return performanceNow() > this.#until;
  }

  /** Ends a try. */
  end(success: boolean): void {
    this.#until = -1;
    this.#odds.ended(success);
  }

  /** Makes a whole try, if one is likely to succeed: polls until work has arrived. */
  wait(hasWork: () => boolean): boolean {
    if (!this.begin()) {
      return false;
    }
    let arrived = false;
    do {
      for (let polls = 0; polls < POLLS && !arrived; polls++) {
        arrived = hasWork();
      }
    } while (!arrived && !this.expired);
    this.end(arrived);
    return arrived;
  }
}
