/** What one thread sends to the connections of others, on its way between two threads: in order, and bounded. */

import { ENGINE_QUEUED_BYTES_MAX } from '../engine/options.js';
import type { PlainEngineOptions } from './protocol.js';

/** Encoded once: all threads send from this memory, and it is there as long as one of them has it. */
export interface Publication {
  /** Undefined for all connections. */
  readonly topic: string | undefined;
  readonly bytes: SharedArrayBuffer;
}

export type Published =
  | { readonly kind: 'publish'; readonly publications: readonly Publication[] }
  /** Some were left out at this place, as too much was on the way. */
  | { readonly kind: 'missed' };

/** What a publication takes besides its bytes, roughly. */
const PUBLICATION_BYTES = 512;

export function costOf({ topic, bytes }: Publication): number {
  return PUBLICATION_BYTES + 2 * (topic?.length ?? 0) + bytes.byteLength;
}

/** The most bytes on the way to a thread: as many as may wait there to be sent. */
export function publishedBytesMax(options: PlainEngineOptions): number {
  return options.engineQueuedBytesMax ?? ENGINE_QUEUED_BYTES_MAX;
}

/** Counts what is on one way and not taken yet, in memory of both ends. */
export class Backlog {
  readonly memory: SharedArrayBuffer;
  /** In KiB, for which 32 bits are enough. */
  readonly #count: Int32Array;

  constructor(memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#count = new Int32Array(memory);
  }

  get bytes(): number {
    return Atomics.load(this.#count, 0) * 1024;
  }

  add(publications: readonly Publication[]): void {
    Atomics.add(this.#count, 0, kibOf(publications));
  }

  take(publications: readonly Publication[]): void {
    Atomics.sub(this.#count, 0, kibOf(publications));
  }
}

function kibOf(publications: readonly Publication[]): number {
  return Math.ceil(publications.reduce((sum, publication) => sum + costOf(publication), 0) / 1024);
}

/** The sending end. A receiver that takes nothing holds up nobody: what it misses is left out, and it is told where. */
export class Outbox {
  readonly #backlog: Backlog;
  readonly #bytesMax: number;
  readonly #post: (message: Published) => void;
  /** Whether it was told since something was left out. */
  #told = false;

  constructor(backlog: Backlog, bytesMax: number, post: (message: Published) => void) {
    this.#backlog = backlog;
    this.#bytesMax = bytesMax;
    this.#post = post;
  }

  send(message: Published): void {
    if (message.kind === 'missed') {
      this.#post(message);
    } else if (this.#backlog.bytes <= this.#bytesMax) {
      this.#told = false;
      this.#backlog.add(message.publications);
      this.#post(message);
    } else if (!this.#told) {
      this.#told = true;
      this.#post({ kind: 'missed' });
    }
  }
}
