/**
 * Whether to look again for a moment before going to sleep in Node's event loop. Falling asleep and being woken cost
 * more than a short wait where the next completion comes within microseconds, as in a ping-pong; where it does not,
 * looking is wasted. So it is tried for as long as it mostly succeeds, and else now and then.
 */

import { performanceNow } from '../base/runtime.js';

/** How long one try lasts at the most, in ms, where each look is an iteration of the event loop: nothing else waits for it. */
export const SPIN_MS = 0.05;

/**
 * The same where each look is a read of memory, and the event loop waits: what came of it is there sooner than an
 * iteration of the loop takes.
 */
export const STAY_MS = 0.02;

/** Such looks between two at the clock, which costs more than they do. */
const LOOKS = 8;

/** A failure weighs as much as three successes: below three in four, spinning costs more than it saves. */
const SUCCESS = 1;
const FAILURE = 3;
const SCORE_MAX = 16;

/** Without recent success, one parking in so many is tried. */
const TRIAL_PARKINGS = 64;

export class Spin {
  readonly #durationMs: number;
  #score = SCORE_MAX;
  #parkings = 0;
  #until = -1;

  /** @param durationMs of a try at the most */
  constructor(durationMs: number) {
    this.#durationMs = durationMs;
  }

  /** Whether a try is going on. */
  get active(): boolean {
    return this.#until >= 0;
  }

  /** To be asked when nothing is left to do of what has come: begins a try, if one is worth it. */
  begin(): boolean {
    this.#parkings++;
    if (this.#score <= 0 && this.#parkings % TRIAL_PARKINGS !== 0) {
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
    this.#score = success ? Math.min(SCORE_MAX, Math.max(0, this.#score) + SUCCESS) : this.#score - FAILURE;
  }

  /** A whole try, if one is worth it: looks until something has come. */
  wait(hasCome: () => boolean): boolean {
    if (!this.begin()) {
      return false;
    }
    let came = false;
    do {
      for (let looks = 0; looks < LOOKS && !came; looks++) {
        came = hasCome();
      }
    } while (!came && !this.expired);
    this.end(came);
    return came;
  }
}
