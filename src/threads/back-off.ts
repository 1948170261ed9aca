/** When a dead thread is replaced: at once, unless the one before it died young. */

/** A thread that lived for less died at once, in ms. */
export const YOUNG_MS = 250;
/** The first wait behind such a death, and the longest: each is twice the one before. */
const DELAY_FIRST_MS = 50;
const DELAY_MS_MAX = 10_000;

export class BackOff {
  #delayMs = 0;

  /** How long to wait behind the death of a thread that lived for so long, in ms. */
  next(livedMs: number): number {
    this.#delayMs = livedMs >= YOUNG_MS ? 0 : Math.min(DELAY_MS_MAX, Math.max(DELAY_FIRST_MS, 2 * this.#delayMs));
    return this.#delayMs;
  }
}
