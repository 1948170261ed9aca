/** Data that one thread sends to the connections of all threads: what it publishes in one turn travels as one batch. */

import { joinPieces, type Payload } from '../engine/writing/payload.js';
import { SMALL_BYTES_MAX } from '../port/sending/send-memory.js';

/** A publication on its way to other threads, in memory that all of them send from. */
export interface Single {
  /** Undefined for all connections. */
  readonly topic: string | undefined;
  readonly memory: SharedArrayBuffer;
}

/** Several publications of one thread. */
export interface Packed {
  /**
   * An int32 that counts the publications; for each of them a pair of int32, the index of its topic and its length in bytes;
   * then the bytes of the small ones, in the same order. A structured clone of numbers and objects would cost more.
   */
  readonly memory: SharedArrayBuffer;
  /** Each topic once. */
  readonly topics: readonly string[];
  /** The publications of more than SMALL_BYTES_MAX bytes, in order, each in memory of its own: they are not copied again. */
  readonly large: readonly SharedArrayBuffer[];
}

/** The publications of one thread in one turn. One that is alone is not packed: that would cost more than it saves. */
export type Batch = Single | Packed;

/** A batch has at most this many publications, and ends with the one that fills this many bytes. */
export const PUBLICATIONS_MAX = 256;
export const BATCH_BYTES_MAX = 256 * 1024;

/** Stands for a topic's index: all connections get the data. */
const EVERYBODY = -1;

const INT32_BYTES = Int32Array.BYTES_PER_ELEMENT;
/** The memory of a batch, of a topic and of a large publication besides their bytes, roughly. */
const OBJECT_BYTES = 256;
/** The capacity for small bytes that a packer begins with, and returns to after a larger batch. */
const CAPACITY_BYTES = 4096;
const NO_BYTES = new Uint8Array(0);

/** The memory that a batch takes while it is on the way, in bytes. */
export function costOf(batch: Batch): number {
  let cost = OBJECT_BYTES + batch.memory.byteLength;
  if (!isPacked(batch)) {
    return cost + 2 * (batch.topic?.length ?? 0);
  }
  for (const topic of batch.topics) {
    cost += OBJECT_BYTES + 2 * topic.length;
  }
  for (const { byteLength } of batch.large) {
    cost += OBJECT_BYTES + byteLength;
  }
  return cost;
}

function isPacked(batch: Batch): batch is Packed {
  return (batch as Partial<Packed>).topics !== undefined;
}

/** Gathers the publications of a turn. */
export class Packer {
  /** The only publication; the second one packs it. */
  #single: Single | undefined;
  /** The index of a topic and a length, for each packed publication. */
  #pairs: number[] = [];
  readonly #topics = new Map<string, number>();
  #large: SharedArrayBuffer[] = [];
  #largeBytes = 0;
  #small: Uint8Array = NO_BYTES;
  #smallBytes = 0;
  readonly #allocate = (byteLength: number): Uint8Array =>
    byteLength > SMALL_BYTES_MAX ? allocateShared(byteLength) : this.#room(byteLength);

  get isEmpty(): boolean {
    return this.#single === undefined && this.#pairs.length === 0;
  }

  get isFull(): boolean {
    const bytes = this.#smallBytes + this.#largeBytes + (this.#single?.memory.byteLength ?? 0);
    return bytes >= BATCH_BYTES_MAX || this.#pairs.length >= 2 * PUBLICATIONS_MAX;
  }

  /**
   * Adds a publication, unless it has no bytes.
   * @param topic undefined for all connections
   * @returns its bytes. Small ones may change with the next call; those of more than SMALL_BYTES_MAX never do
   * @throws TypeError `ERR_INVALID_ARG_TYPE`
   */
  add(topic: string | undefined, pieces: readonly Payload[]): Uint8Array {
    if (this.isEmpty) {
      const bytes = joinPieces(pieces, allocateShared);
      if (bytes.byteLength > 0) {
        this.#single = { topic, memory: bytes.buffer as SharedArrayBuffer };
      }
      return bytes;
    }
    this.#packSingle();
    const bytes = joinPieces(pieces, this.#allocate);
    if (bytes.byteLength > 0) {
      this.#pack(topic, bytes);
    }
    return bytes;
  }

  #packSingle(): void {
    if (this.#single !== undefined) {
      const { topic, memory } = this.#single;
      this.#single = undefined;
      const bytes = new Uint8Array(memory);
      if (bytes.byteLength <= SMALL_BYTES_MAX) {
        this.#room(bytes.byteLength).set(bytes);
      }
      this.#pack(topic, bytes);
    }
  }

  /** @param bytes in shared memory; or small ones, which are where those before end */
  #pack(topic: string | undefined, bytes: Uint8Array): void {
    const { byteLength } = bytes;
    this.#pairs.push(topic === undefined ? EVERYBODY : this.#indexOf(topic), byteLength);
    if (byteLength > SMALL_BYTES_MAX) {
      this.#large.push(bytes.buffer as SharedArrayBuffer);
      this.#largeBytes += byteLength;
    } else {
      this.#smallBytes += byteLength;
    }
  }

  #room(byteLength: number): Uint8Array {
    const end = this.#smallBytes + byteLength;
    if (end > this.#small.byteLength) {
      const larger = new Uint8Array(Math.max(CAPACITY_BYTES, 2 * this.#small.byteLength));
      larger.set(this.#small);
      this.#small = larger;
    }
    return this.#small.subarray(this.#smallBytes, end);
  }

  #indexOf(topic: string): number {
    const known = this.#topics.get(topic);
    if (known !== undefined) {
      return known;
    }
    const index = this.#topics.size;
    this.#topics.set(topic, index);
    return index;
  }

  /** Returns what was added since the last call: one publication at least. */
  take(): Batch {
    const single = this.#single;
    if (single !== undefined) {
      this.#single = undefined;
      return single;
    }
    const pairs = this.#pairs;
    const smallAt = INT32_BYTES * (1 + pairs.length);
    const memory = new SharedArrayBuffer(smallAt + this.#smallBytes);
    const numbers = new Int32Array(memory, 0, 1 + pairs.length);
    numbers[0] = pairs.length / 2;
    numbers.set(pairs, 1);
    new Uint8Array(memory, smallAt).set(this.#small.subarray(0, this.#smallBytes));
    const batch: Packed = { memory, topics: [...this.#topics.keys()], large: this.#large };
    this.#reset();
    return batch;
  }

  #reset(): void {
    this.#pairs = [];
    this.#topics.clear();
    this.#large = [];
    this.#largeBytes = 0;
    this.#smallBytes = 0;
    if (this.#small.byteLength > CAPACITY_BYTES) {
      this.#small = NO_BYTES;
    }
  }
}

function allocateShared(byteLength: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(byteLength));
}

/** Receives the publications of a batch. @param topic undefined for all connections */
export type Receive = (topic: string | undefined, bytes: Uint8Array) => void;

/** Calls back for each publication of a batch, in order. */
export function unpack(batch: Batch, receive: Receive): void {
  if (isPacked(batch)) {
    unpackAll(batch, receive);
  } else {
    receive(batch.topic, new Uint8Array(batch.memory));
  }
}

function unpackAll({ memory, topics, large }: Packed, receive: Receive): void {
  const count = new Int32Array(memory, 0, 1)[0] as number;
  const pairs = new Int32Array(memory, INT32_BYTES, 2 * count);
  let smallAt = INT32_BYTES * (1 + 2 * count);
  let largeIndex = 0;
  for (let index = 0; index < 2 * count; index += 2) {
    const topic = topics[pairs[index] as number];
    const byteLength = pairs[index + 1] as number;
    if (byteLength > SMALL_BYTES_MAX) {
      receive(topic, new Uint8Array(large[largeIndex++] as SharedArrayBuffer));
    } else {
      receive(topic, new Uint8Array(memory, smallAt, byteLength));
      smallAt += byteLength;
    }
  }
}
