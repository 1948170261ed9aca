/** Completions and batches of them. The records are reused: each dequeue overwrites those of the batch before. */

import type { Buffer } from 'node:buffer';
import { assert } from '../base/assert.js';
import type { ErrorTable } from '../base/errors.js';
import { ERR_BUFFER_DETACHED, OperationError } from '../base/errors.js';
import { checkNumber } from '../base/validate.js';
import type { PoolBuffer } from './buffer-pool.js';
import type { OperationKind } from './operations.js';
import type { OverlappedSocket } from './socket.js';

/** One completion. It belongs to its batch: it is valid until the next dequeue into that batch. */
export class Completion {
  /** The kind of operation that has completed. */
  kind: OperationKind = 'wakeUp';
  /** The socket of the operation; the listener for an accept; undefined for a wake-up. */
  socket: OverlappedSocket | undefined = undefined;
  /** The completion key that the socket was associated with. */
  key: unknown = undefined;
  /** The context that the operation was posted with. */
  context: unknown = undefined;
  /** Bytes received or sent, or the number of wake-ups that were merged. 0 bytes received is the end of the stream. */
  bytes = 0;
  /** Whether the same operation will complete again. If not, it has ended, and another one may be posted. */
  more = false;
  /** The new connection of an accept. */
  accepted: OverlappedSocket | undefined = undefined;
  /** The buffer with the bytes received, lent until `release`, or until the next dequeue into this batch. */
  buffer: PoolBuffer | undefined = undefined;
  /** Node's code for the failure: `ECONNRESET`, `ECANCELED`, …; undefined when the operation succeeded. */
  code: string | undefined = undefined;
  /** The system's own number for `code`; 0 when there is none. */
  systemNumber = 0;
  /** @internal */
  errors: ErrorTable | undefined = undefined;

  /** The bytes received, as a view of `buffer`. To keep them, copy them or `take` the buffer. */
  get data(): Buffer {
    assert(this.buffer !== undefined, 'Data of a completion that has no buffer');
    return this.buffer.view(this.bytes);
  }

  /** Returns the lent buffer to the pool. Does nothing when there is none. */
  release(): void {
    const { buffer } = this;
    if (buffer !== undefined) {
      this.buffer = undefined;
      buffer.release();
    }
  }

  /** @internal Drops what it refers to. */
  forget(): void {
    this.socket = undefined;
    this.key = undefined;
    this.context = undefined;
    this.accepted = undefined;
  }

  /** Takes over the lent buffer: the caller must release it. */
  take(): PoolBuffer {
    const { buffer } = this;
    assert(buffer !== undefined, 'Take of a completion that has no buffer');
    this.buffer = undefined;
    return buffer;
  }

  /** The failure as an error. Only for a completion with a `code`. */
  toError(): OperationError {
    assert(this.code !== undefined, 'Error of a completion that succeeded');
    const reason = this.systemNumber === 0 ? 'Cancelled' : (this.errors?.messageOf(this.systemNumber) ?? '');
    const address = this.kind === 'connect' ? this.socket?.names?.connectAddress : undefined;
    return new OperationError({
      code: this.code,
      reason,
      syscall: this.kind,
      ...(this.systemNumber === ERR_BUFFER_DETACHED ? {} : { systemNumber: this.systemNumber }),
      ...(address === undefined ? {} : { address }),
    });
  }
}

/** Completions in a batch, by default. */
export const BATCH_COMPLETIONS = 256;

/** Room for the completions of one `getQueuedCompletions`. */
export class CompletionBatch {
  /** The most completions that one call dequeues into it. */
  readonly completionsMax: number;
  /** @internal */
  readonly entries: Completion[] = [];
  /** Completions in the batch now. */
  length = 0;
  /** Entries that may refer to something of the program: those in use since the last `forget`. */
  #used = 0;

  /**
   * @param completionsMax the most completions that one call dequeues, 1 to 65,536
   * @throws RangeError `ERR_OUT_OF_RANGE`; TypeError `ERR_INVALID_ARG_TYPE`
   */
  constructor(completionsMax: number = BATCH_COMPLETIONS) {
    checkNumber('completionsMax', completionsMax, { least: 1, most: 65_536, whole: true });
    this.completionsMax = completionsMax;
    for (let index = 0; index < completionsMax; index++) {
      this.entries.push(new Completion());
    }
  }

  /** The completion at an index. @param index 0 to `length - 1` */
  at(index: number): Completion {
    assert(index >= 0);
    assert(index < this.length);
    return this.entries[index] as Completion;
  }

  /** Releases the buffers that are still lent, and empties the batch. */
  clear(): void {
    for (let index = 0; index < this.length; index++) {
      (this.entries[index] as Completion).release();
    }
    this.#used = Math.max(this.#used, this.length);
    this.length = 0;
  }

  /** @internal Empties the batch, and drops what its entries refer to: an idle port keeps no connection that was closed. */
  forget(): void {
    this.clear();
    for (let index = 0; index < this.#used; index++) {
      this.entries[index]?.forget();
    }
    this.#used = 0;
  }
}
