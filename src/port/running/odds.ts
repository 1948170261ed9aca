/**
 * Decides whether something that costs less than it saves when it succeeds is worth a try, by how often it has succeeded
 * lately. Without recent success it is still tried now and then.
 */

/** A failure weighs as much as three successes: if fewer than three in four tries succeed, they cost more than they save. */
const SUCCESS = 1;
const FAILURE = 3;
const SCORE_MAX = 16;

/** Without recent success, one occasion in this many is tried. */
const TRIAL_OCCASIONS = 256;

export class Odds {
  #score = SCORE_MAX;
  #occasions = 0;
  #trial = false;

  /** Whether to try on this occasion. After yes the answer is yes until a try has ended. */
  try(): boolean {
    if (this.#score > 0 || this.#trial) {
      return true;
    }
    this.#occasions++;
    this.#trial = this.#occasions % TRIAL_OCCASIONS === 0;
    return this.#trial;
  }

  /** A try has ended. */
  ended(success: boolean): void {
    this.#trial = false;
    this.#score = success ? Math.min(SCORE_MAX, Math.max(0, this.#score) + SUCCESS) : this.#score - FAILURE;
  }
}
