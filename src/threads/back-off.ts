/** The delay before a dead thread is replaced: none, unless it died soon after its start. */

/** A thread that lived for less time than this, in ms, is replaced after a delay. */
export const YOUNG_MS = 250;
/** The first and the longest delay. Each is twice the one before. */
const DELAY_FIRST_MS = 50;
const DELAY_MS_MAX = 10_000;

export class BackOff {
  #delayMs = 0;

  /** The delay before a thread is replaced that lived for `livedMs`, in ms. */
  next(livedMs: number): number {
    this.#delayMs = livedMs >= YOUNG_MS ? 0 : Math.min(DELAY_MS_MAX, Math.max(DELAY_FIRST_MS, 2 * this.#delayMs));
    return this.#delayMs;
  }
}
