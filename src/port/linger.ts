/**
 * Whether to wait a moment in the port before going back to sleep in Node's event loop. Waking up through the loop
 * costs two system calls and a sleep more than waiting in the port itself; where the next completion usually comes
 * within microseconds (a ping-pong), a short wait saves them, and where it does not, it is soon not tried any more.
 */

/** How long one wait lasts at the most, in ms. The event loop has its turn between two of them. */
export const LINGER_MS = 0.05;

/** Parkings without a try after a row of failures: what trying costs is spread over them. */
const SKIPPED_MAX = 256;

export class Linger {
  #skip = 0;
  #backoff = 1;

  /** To be asked once at each parking. */
  worthTrying(): boolean {
    if (this.#skip > 0) {
      this.#skip--;
      return false;
    }
    return true;
  }

  /** Tells how the last try went. */
  tried(broughtSomething: boolean): void {
    if (broughtSomething) {
      this.#backoff = 1;
    } else {
      this.#skip = this.#backoff;
      this.#backoff = Math.min(2 * this.#backoff, SKIPPED_MAX);
    }
  }
}
