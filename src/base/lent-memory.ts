/** Memory that is lent with received bytes, and used again when the last reference to it is released. */

import type { RefCounted } from './ref-counted.js';

/** The part of lent memory that a chunk of received bytes begins. */
export interface LentBuffer extends RefCounted {
  readonly address: number;
  readonly sizeBytes: number;
}

/** Released memory is filled with this byte when `poisonReleasedBuffers` is on. */
export const RELEASED_BYTE = 0xdd;

/**
 * Marks the memory, on the ArrayBuffer itself. A port must copy such bytes unless they are in its own pool, because it cannot
 * retain them. They may belong to another copy of this package in the process, or to one that was loaded in another realm.
 */
const LENT_MEMORY = Symbol.for('overlapped:lent-memory:1');

export function markLent(memory: ArrayBufferLike): void {
  Object.defineProperty(memory, LENT_MEMORY, { value: true });
}

export function isLentMemory(memory: ArrayBufferLike): boolean {
  return LENT_MEMORY in memory;
}
