/**
 * Handshakes that have received bytes and wait for their turn. A step of one takes up to a millisecond of the processor's
 * time, thousands of times that of a message, so a round takes few of them: a flood of clients must not hold up others.
 */

import { Fifo } from '../../base/fifo.js';
import { errorOf } from '../connection-core/handler-table.js';
import type { HandshakeSteps, Handshaking } from '../connection-core/record.js';
import type { RoundTask } from '../scheduling/scheduler.js';

/** The most steps of a round. */
const STEPS_PER_ROUND_MAX = 16;

/** The part of the scheduler that it needs. */
interface Tasks {
  runNext(task: RoundTask): void;
}

export class HandshakeQueue implements HandshakeSteps, RoundTask {
  readonly #tasks: Tasks;
  readonly #waiting = new Fifo<Handshaking>();
  #due = false;

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  add(connection: Handshaking): void {
    this.#waiting.push(connection);
    this.#beDue();
  }

  #beDue(): void {
    if (!this.#due) {
      this.#due = true;
      this.#tasks.runNext(this);
    }
  }

  runTask(): void {
    this.#due = false;
    for (let steps = 0; steps < STEPS_PER_ROUND_MAX && this.#waiting.length > 0; steps++) {
      const connection = this.#waiting.shift();
      try {
        connection.handshake();
      } catch (error) {
        connection.failed(errorOf(error));
      }
    }
    if (this.#waiting.length > 0) {
      this.#beDue();
    }
  }
}
