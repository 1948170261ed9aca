/**
 * Whether to look again for a moment before going to sleep in Node's event loop. Falling asleep and being woken cost
 * more than a short wait where the next completion comes within microseconds, as in a ping-pong; where it does not,
 * looking is wasted. So it is tried for as long as it mostly succeeds, and else now and then.
 */

/** How long one try lasts at the most, in ms. Each look is an iteration of the event loop: nothing else waits for it. */
export const SPIN_MS = 0.05;

/** A failure weighs as much as three successes: below three in four, spinning costs more than it saves. */
const SUCCESS = 1;
const FAILURE = 3;
const SCORE_MAX = 16;

/** Without recent success, one parking in so many is tried. */
const TRIAL_PARKINGS = 64;

export class Spin {
  #score = SCORE_MAX;
  #parkings = 0;
  #until = -1;

  /** Whether a try is going on. */
  get active(): boolean {
    return this.#until >= 0;
  }

  /** To be asked at each parking: begins a try, if one is worth it. */
  begin(): boolean {
    this.#parkings++;
    if (this.#score <= 0 && this.#parkings % TRIAL_PARKINGS !== 0) {
      return false;
    }
    this.#until = performance.now() + SPIN_MS;
    return true;
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
