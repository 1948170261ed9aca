/** Waits for a ring and for Node's event loop at once: the ring polls the descriptor of the loop's epoll. */

import { ECANCELED } from '../../ffi/linux/constants.js';
import type { LoopWait } from '../driver.js';
import type { NodeLoop } from '../linux/node-loop.js';

/** The ring's operations for it. Each poll has a generation of its own. */
interface LoopPoll {
  /** Posts a poll of a descriptor, whose completion calls `completed`. */
  post(descriptor: number, generation: number): void;
  cancel(generation: number): void;
}

export class RingLoopWait implements LoopWait {
  /** Whether the poll has found that the event loop has something to do since `begin`. */
  interrupted = false;
  isUsed = false;
  readonly #loop: NodeLoop;
  readonly #poll: LoopPoll;
  #generation = 0;
  /** Whether the poll of this generation is in flight. */
  #posted = false;
  #begun = false;

  constructor(loop: NodeLoop, poll: LoopPoll) {
    this.#loop = loop;
    this.#poll = poll;
  }

  begin(): boolean {
    this.interrupted = false;
    this.#begun = this.#loop.isUsable;
    if (this.#begun) {
      this.#generation = (this.#generation + 1) | 0;
      this.#posted = true;
      this.#poll.post(this.#loop.descriptor, this.#generation);
    }
    return this.#begun;
  }

  idleMs(): number {
    return this.#loop.idleMs();
  }

  /**
   * The poll must not be in flight while the event loop waits. If an eventfd of Node's wakes the loop, the poll would
   * complete inside that wake-up, where the kernel does not write the ring's own eventfd, and with a completion already
   * pending it does not write it for later ones either: the loop would never learn of them (seen on 6.18).
   */
  end(): void {
    this.#begun = false;
    this.isUsed = false;
    this.interrupted = false;
    if (this.#posted) {
      this.#posted = false;
      this.#poll.cancel(this.#generation);
    }
  }

  /** A poll has completed. */
  completed(generation: number, result: number): void {
    if (generation === this.#generation && result !== -ECANCELED) {
      this.#posted = false;
      this.interrupted = this.#begun;
    }
  }

  now(): number {
    return this.#loop.now();
  }

  waited(beganAt: number): void {
    this.#loop.waited(beganAt);
  }
}
