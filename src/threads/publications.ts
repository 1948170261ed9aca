/** Messages that one thread sends to the connections of others, on their way between two threads: in order and bounded. */

import { ENGINE_QUEUED_BYTES_MAX } from '../engine/options.js';

/** A message, encoded once. All threads send from this memory, which lives as long as one of them uses it. */
export interface Publication {
  /** Undefined for all connections. */
  readonly topic: string | undefined;
  readonly bytes: SharedArrayBuffer;
}

export type Published =
  | { readonly kind: 'publish'; readonly publications: readonly Publication[] }
  /** Some publications are missing here: too many bytes were on the way. */
  | { readonly kind: 'missed' };

/** The memory of a publication besides its bytes, roughly. */
const PUBLICATION_BYTES = 512;

export function costOf({ topic, bytes }: Publication): number {
  return PUBLICATION_BYTES + 2 * (topic?.length ?? 0) + bytes.byteLength;
}

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

/** The sending end. A receiver that reads nothing delays nobody: it misses publications, and a message says where. */
export class Outbox {
  readonly #backlog: Backlog;
  readonly #bytesMax: number;
  readonly #post: (message: Published) => void;
  /** The receiver knows that it misses the publications of this moment. */
  #missReported = false;

  constructor(backlog: Backlog, bytesMax: number, post: (message: Published) => void) {
    this.#backlog = backlog;
    this.#bytesMax = bytesMax;
    this.#post = post;
  }

  send(message: Published): void {
    if (message.kind === 'missed') {
      this.#post(message);
    } else if (this.#backlog.bytes <= this.#bytesMax) {
      this.#missReported = false;
      this.#backlog.add(message.publications);
      this.#post(message);
    } else if (!this.#missReported) {
      this.#missReported = true;
      this.#post({ kind: 'missed' });
    }
  }
}
