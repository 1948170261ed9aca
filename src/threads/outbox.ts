/** Batches of publications on their way between two threads: in order, gathered and bounded. */

import { ENGINE_QUEUED_BYTES_MAX } from '../engine/options.js';
import { type Batch, costOf } from './publications.js';

export type Published =
  | { readonly kind: 'publish'; readonly batches: readonly Batch[] }
  /** Some publications are missing here: too many bytes were on the way. */
  | { readonly kind: 'missed' };

/** A message is posted at once when it has this many batches, or batches of this many bytes. */
export const BATCHES_MAX = 64;
export const MESSAGE_BYTES_MAX = 256 * 1024;

/** The most bytes on the way to a thread: the same as may wait there to be sent. */
export function publishedBytesMax(options: { readonly engineQueuedBytesMax?: number }): number {
  return options.engineQueuedBytesMax ?? ENGINE_QUEUED_BYTES_MAX;
}

/** Counts the bytes on the way from one thread to another, in memory that both share. */
export class Backlog {
  readonly memory: SharedArrayBuffer;
  /** In KiB: 32 bits are enough for that. */
  readonly #count: Int32Array;

  constructor(memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#count = new Int32Array(memory);
  }

  get bytes(): number {
    return Atomics.load(this.#count, 0) * 1024;
  }

  add(cost: number): void {
    Atomics.add(this.#count, 0, kibOf(cost));
  }

  /** The receiver has read these. */
  take(batches: readonly Batch[]): void {
    Atomics.sub(
      this.#count,
      0,
      batches.reduce((sum, batch) => sum + kibOf(costOf(batch)), 0),
    );
  }
}

function kibOf(cost: number): number {
  return Math.ceil(cost / 1024);
}

/**
 * The sending end. A receiver that has read everything is sent batches at once. For one that has not, they wait for `flush`, or
 * until they fill a message; the backlog counts them from the start. A receiver that reads nothing delays nobody: it misses
 * batches, and a message says where.
 */
export class Outbox {
  readonly #backlog: Backlog;
  readonly #bytesMax: number;
  readonly #post: (message: Published) => void;
  #waiting: Batch[] = [];
  #waitingBytes = 0;
  /** The receiver knows that it misses the batches of this moment. */
  #missReported = false;

  constructor(backlog: Backlog, bytesMax: number, post: (message: Published) => void) {
    this.#backlog = backlog;
    this.#bytesMax = bytesMax;
    this.#post = post;
  }

  /** Whether batches wait for `flush`. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  add(batches: readonly Batch[]): void {
    const nothingUnread = this.#backlog.bytes === 0;
    for (const batch of batches) {
      this.#addOne(batch);
    }
    if (nothingUnread) {
      this.flush();
    }
  }

  #addOne(batch: Batch): void {
    if (this.#backlog.bytes <= this.#bytesMax) {
      const cost = costOf(batch);
      this.#missReported = false;
      this.#backlog.add(cost);
      this.#waiting.push(batch);
      this.#waitingBytes += cost;
      if (this.#waiting.length >= BATCHES_MAX || this.#waitingBytes >= MESSAGE_BYTES_MAX) {
        this.flush();
      }
    } else if (!this.#missReported) {
      this.#missReported = true;
      this.miss();
    }
  }

  /** The receiver learns that publications are missing after those that were added. */
  miss(): void {
    this.flush();
    this.#post({ kind: 'missed' });
  }

  /** Posts the batches that wait, in one message. */
  flush(): void {
    const batches = this.#waiting;
    if (batches.length > 0) {
      this.#waiting = [];
      this.#waitingBytes = 0;
      this.#post({ kind: 'publish', batches });
    }
  }
}
