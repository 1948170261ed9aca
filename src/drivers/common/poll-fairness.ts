/**
 * Fairness of a driver that can complete operations without asking the system. Such polls are cheap, but they must not
 * starve an operation that waits in the system: after SKIPS_MAX of them in a row the driver asks the system again.
 */

/** Maximum number of polls in a row that complete operations without asking the system. */
const SKIPS_MAX = 8;

/**
 * If the system reported this many events at once, asking again before returning to the event loop is likely to find
 * more.
 */
const BUSY_EVENTS_MIN = 4;

export class PollFairness {
  #skipped = 0;
  #eventsLast = 0;

  /** Whether the next poll must ask the system, even if it can complete operations without. */
  get mustAsk(): boolean {
    return this.#skipped === SKIPS_MAX;
  }

  /** A poll has completed operations and does not ask the system. */
  skip(): void {
    this.#skipped++;
  }

  /** A poll is about to ask the system. */
  ask(): void {
    this.#skipped = 0;
  }

  /** The system has reported `count` events. */
  reported(count: number): void {
    this.#eventsLast = count;
  }

  /** Whether the last report makes another one likely. */
  get isBusy(): boolean {
    return this.#eventsLast >= BUSY_EVENTS_MIN;
  }
}
