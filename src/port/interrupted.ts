/**
 * Operations that the system interrupted, or had no memory for. They are not over: each is posted again after 1 ms, and
 * after twice the time whenever it fails again, up to 100 ms.
 */

import type { Clock } from '../base/clock.js';
import { retryDelayMs } from '../drivers/common/retry.js';
import type { OperationTable } from './operations.js';
import type { OverlappedSocket } from './socket.js';

/** Counts up to this: the delay has long been the longest. */
const FAILURES_MAX = 255;

interface Entry {
  readonly slot: number;
  readonly generation: number;
  /** Of a send: the others of its socket wait with it. */
  readonly socket: OverlappedSocket | undefined;
  readonly dueAt: number;
}

export class Interrupted {
  readonly #clock: Clock;
  readonly #operations: OperationTable;
  #entries: Entry[] = [];
  /** When the first of them is posted again, by the clock; Infinity when there is none. */
  dueAt = Infinity;

  constructor(clock: Clock, operations: OperationTable) {
    this.#clock = clock;
    this.#operations = operations;
  }

  /** @param socket of a send, whose socket goes on with it */
  add(slot: number, socket?: OverlappedSocket): void {
    const { failures, generation } = this.#operations;
    const count = Math.min(FAILURES_MAX, (failures[slot] as number) + 1);
    failures[slot] = count;
    const dueAt = this.#clock.now() + retryDelayMs(count);
    this.#entries.push({ slot, generation: generation[slot] as number, socket, dueAt });
    this.dueAt = Math.min(this.dueAt, dueAt);
  }

  /**
   * Hands over what is due.
   * @param post posts an operation, if it still waits
   * @param restart goes on with the sends of a socket
   */
  take(post: (slot: number, generation: number) => void, restart: (socket: OverlappedSocket) => void): void {
    const now = this.#clock.now();
    const entries = this.#entries;
    this.#entries = entries.filter(({ dueAt }) => dueAt > now);
    this.dueAt = this.#entries.reduce((least, { dueAt }) => Math.min(least, dueAt), Infinity);
    for (const { slot, generation, socket, dueAt } of entries) {
      if (dueAt > now) {
        continue;
      }
      if (socket === undefined) {
        post(slot, generation);
      } else {
        restart(socket);
      }
    }
  }
}
