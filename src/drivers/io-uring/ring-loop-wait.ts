/** Waits for a ring and for Node's event loop at once: the ring polls the descriptor of the loop's epoll. */

import { ECANCELED } from '../../ffi/linux/constants.js';
import { LinuxLoopWait } from '../linux/loop-wait.js';
import type { NodeLoop } from '../linux/node-loop.js';

/** The ring's operations for it. Each poll has a generation of its own. */
interface LoopPoll {
  /** Posts a poll of a descriptor, whose completion calls `completed`. */
  post(descriptor: number, generation: number): void;
  cancel(generation: number): void;
}

export class RingLoopWait extends LinuxLoopWait {
  readonly #poll: LoopPoll;
  #generation = 0;
  /** Whether the poll of this generation is in flight. */
  #posted = false;

  constructor(loop: NodeLoop, poll: LoopPoll) {
    super(loop);
    this.#poll = poll;
  }

  protected override prepare(): boolean {
    this.#generation = (this.#generation + 1) | 0;
    this.#posted = true;
    this.#poll.post(this.loop.descriptor, this.#generation);
    return true;
  }

  /** A poll has completed. */
  completed(generation: number, result: number): void {
    if (this.#posted && generation === this.#generation && result !== -ECANCELED) {
      this.#posted = false;
      this.loopReady = true;
    }
  }

  /**
   * The poll must not be in flight while the event loop waits. If an eventfd of Node's wakes the loop, the poll would
   * complete inside that wake-up, where the kernel does not write the ring's own eventfd, and with a completion already
   * pending it does not write it for later ones either: the loop would never learn of them (seen on 6.18).
   */
  protected override release(): void {
    if (this.#posted) {
      this.#posted = false;
      this.#poll.cancel(this.#generation);
    }
  }
}
