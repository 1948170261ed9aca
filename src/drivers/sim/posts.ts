/** Operations and cancels that a port has posted but not submitted yet, in order. */

import type { Kernel } from './kernel/kernel.js';
import type { Operation } from './kernel/operation.js';
import type { SimSocket } from './kernel/socket.js';
import { TRACE } from './trace.js';

export class Posts {
  readonly #kernel: Kernel;
  #waiting: (() => void)[] = [];

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Starts an operation after its submission and the delay of the faults, unless it was cancelled before. */
  post(socket: SimSocket, operation: Operation, start: () => void): void {
    const { random, trace } = this.#kernel;
    const begin = (): void => {
      const { reading, writing } = socket;
      if (reading === operation || writing === operation) {
        operation.started = true;
        start();
      }
    };
    this.#waiting.push(() => {
      trace.add(TRACE.posted, socket.number, operation.slot, operation.generation);
      this.#kernel.later(random.within(this.#kernel.faults.operationDelayMs), begin);
    });
  }

  /**
   * Cancels an operation after the submission and the delay of the faults.
   * @param ended called if the operation had not ended
   */
  cancel(socket: SimSocket, slot: number, generation: number, ended: (operation: Operation) => void): void {
    const { random } = this.#kernel;
    this.#waiting.push(() => {
      const delayMs = random.within(this.#kernel.faults.cancelDelayMs);
      this.#kernel.later(delayMs, () => this.#cancelNow(socket, slot, generation, ended));
    });
  }

  #cancelNow(socket: SimSocket, slot: number, generation: number, ended: (operation: Operation) => void): void {
    const { reading, writing } = socket;
    const operation = [reading, writing].find((each) => each?.slot === slot && each.generation === generation);
    if (operation === undefined) {
      return;
    }
    this.#kernel.trace.add(TRACE.cancelled, socket.number, slot, generation);
    if (operation === writing && socket.state === 'connecting') {
      this.#kernel.connects.abort(socket);
      return;
    }
    if (operation === reading) {
      socket.reading = undefined;
    } else {
      socket.writing = undefined;
    }
    ended(operation);
  }

  /** Submits all posts. */
  submit(): void {
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const post of waiting) {
        post();
        this.#kernel.settle();
      }
    }
  }
}
