/** Memory that several holders share, counted by references: the last one's release gives it back. */

import { assert } from './assert.js';
import type { BorrowedBytes } from './bytes.js';

export abstract class RefCounted {
  /** @internal */
  references = 0;

  /** One more holder: each `retain` needs a `release` of its own. */
  retain(): void {
    assert(this.references > 0, 'Retain of a buffer that is released');
    this.references++;
  }

  /** The holder needs it no more. The last release gives it back. */
  release(): void {
    assert(this.references > 0, 'Release of a buffer that is released');
    this.references--;
    if (this.references === 0) {
      this.returned();
    }
  }

  /** @internal Nobody holds it any more. */
  protected abstract returned(): void;
}

/** Memory of ours that nothing else refers to: the collector has it after the last release. */
export class OwnMemory extends RefCounted {
  readonly memory: Uint8Array;

  constructor(memory: Uint8Array) {
    super();
    this.memory = memory;
    this.references = 1;
  }

  protected override returned(): void {}
}

/** What keeps the bytes of a send: memory of ours, or memory that the program can take away. */
export type MemoryOwner = RefCounted | BorrowedBytes;

/** Whether what a holder keeps is there. */
export function isIntact(holder: MemoryOwner): boolean {
  return holder instanceof RefCounted || holder.isIntact;
}
