/**
 * Whether to look again for a moment before going to sleep in Node's event loop. Falling asleep and being woken cost
 * more than a short wait where the next completion comes within microseconds, as in a ping-pong; where it does not,
 * looking is wasted. So it is tried for as long as it mostly succeeds, and else now and then.
 */

import { performance } from 'node:perf_hooks';

/** How long one try lasts at the most, in ms. Each look is an iteration of the event loop: nothing else waits for it. */
export const SPIN_MS = 0.05;

/**
 * So long it looks before that without letting the loop go on, where looking is a read of memory: what came of it is there
 * sooner than an iteration of the loop takes.
 */
const STAY_MS = 0.02;

/** Looks between two at the clock, which costs more than they do. */
const LOOKS = 8;

/** A failure weighs as much as three successes: below three in four, spinning costs more than it saves. */
const SUCCESS = 1;
const FAILURE = 3;
const SCORE_MAX = 16;

/** Without recent success, one parking in so many is tried. */
const TRIAL_PARKINGS = 64;

/** Where a turn brings more completions than these, being woken costs each of them little: looking again costs more. */
const COMPLETIONS_MAX = 8;

export class Spin {
  #score = SCORE_MAX;
  #parkings = 0;
  #until = -1;

  /** Whether a try is going on. */
  get active(): boolean {
    return this.#until >= 0;
  }

  /**
   * To be asked at each parking: begins a try, if one is worth it.
   * @param completions that the turn has brought
   */
  begin(completions: number): boolean {
    if (completions === 0 || completions > COMPLETIONS_MAX) {
      return false;
    }
    this.#parkings++;
    if (this.#score <= 0 && this.#parkings % TRIAL_PARKINGS !== 0) {
      return false;
    }
    this.#until = performance.now() + SPIN_MS;
    return true;
  }

  /** The first part of a try: whether something has come already. */
  stay(hasCome: () => boolean): boolean {
    const until = this.#until - SPIN_MS + STAY_MS;
    do {
      for (let looks = 0; looks < LOOKS; looks++) {
        if (hasCome()) {
          return true;
        }
      }
    } while (performance.now() < until);
    return false;
  }

  /** Whether the try has lasted long enough. */
  get expired(): boolean {
    return performance.now() > this.#until;
  }

  /** Ends a try. */
  end(success: boolean): void {
    this.#until = -1;
    this.#score = success ? Math.min(SCORE_MAX, Math.max(0, this.#score) + SUCCESS) : this.#score - FAILURE;
  }
}
