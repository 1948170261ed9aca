/**
 * Operations on their way to the kernel: entries of the submission ring, and of the backlog while the ring is full and
 * the kernel takes none. Nothing is submitted before `enter`, unless a full ring needs room.
 */

import type { Slab } from '../../ffi/memory.js';
import type { BorrowedMemory } from '../driver.js';
import { BorrowedSends } from './borrowed-sends.js';
import type { BufferRing } from './buffer-ring.js';
import type { CqeOverflow } from './cqe-overflow.js';
import { forgetProbe } from './multishot-probe.js';
import type { Ring } from './ring.js';
import { SubmissionBacklog } from './submission-backlog.js';
import { fillEntry } from './submission-entry.js';

/**
 * Maximum number of system calls to make room for one entry. A kernel that still takes none is out of memory for now.
 */
const ENTER_TRIES_MAX = 16;

/**
 * The longest wait, in ms, that does not end with quiet entries. A send that has found no room is one of them, and its
 * rest must be posted again.
 */
const QUIET_WAIT_MS = 10;

export class Submissions {
  readonly borrowed: BorrowedSends;
  /**
   * Entries since the last submission that complete while they are submitted, and whose completions nobody waits for. A
   * wait does not end with these.
   */
  quiet = 0;
  /** The memory of the entry that `prepare` filled last: the ring's entries, or one entry of the backlog. */
  entries: Int32Array;
  readonly #ring: Ring;
  readonly #buffers: BufferRing;
  readonly #overflow: CqeOverflow;
  readonly #backlog = new SubmissionBacklog();
  /** Memory that the kernel copies when it takes the entries that name it. */
  #copied: Slab[] = [];

  constructor(ring: Ring, buffers: BufferRing, overflow: CqeOverflow, memory: BorrowedMemory) {
    this.#ring = ring;
    this.#buffers = buffers;
    this.#overflow = overflow;
    this.entries = ring.sqes;
    this.borrowed = new BorrowedSends(memory, ring, (...entry) => {
      this.prepare(...entry);
      // Entries of the backlog follow those of the ring.
      return (ring.position + this.#backlog.length - 1) | 0;
    });
  }

  /** Fills the next entry; returns its first word in `entries`. A field that is not named here is zero. */
  prepare(
    opcode: number,
    socket: number,
    ioprio: number,
    address: number,
    byteLength: number,
    opFlags: number,
    slot: number,
    generation: number,
  ): number {
    const word = this.#next();
    fillEntry(this.entries, word, opcode, socket, ioprio, address, byteLength, opFlags, slot, generation);
    return word;
  }

  /** Takes the next entry; returns its first word in `entries`. */
  #next(): number {
    const ring = this.#ring;
    if ((this.#backlog.length === 0 && ring.hasRoom) || this.#makeRoom()) {
      this.entries = ring.sqes;
      return ring.next();
    }
    this.entries = this.#backlog.add();
    return 0;
  }

  /**
   * Submits until the ring has room, and reads completions if the kernel wants that first; returns whether there is
   * room.
   */
  #makeRoom(): boolean {
    const ring = this.#ring;
    for (let tries = 0; !ring.hasRoom && ring.retry.at === Infinity && tries < ENTER_TRIES_MAX; tries++) {
      try {
        this.enter(0);
      } catch {
        // A post never fails: the next poll meets the same error.
        return false;
      }
      if (!ring.hasRoom) {
        this.#overflow.takeAll(ring);
      }
    }
    this.#backlog.drain(ring);
    this.#releaseCopied();
    return this.#backlog.length === 0 && ring.hasRoom;
  }

  /** Keeps memory that an entry names until the kernel has taken the entry, and with it a copy of the memory. */
  keepUntilSubmitted(memory: Slab): void {
    this.#copied.push(memory);
  }

  #releaseCopied(): void {
    if (this.#copied.length > 0 && this.#ring.toSubmit === 0 && this.#backlog.length === 0) {
      this.#copied = [];
    }
  }

  /** The one system call of a turn: submits the entries, and lets the kernel complete what it can. */
  enter(timeoutMs: number): void {
    this.#buffers.offer();
    if (this.#backlog.length > 0) {
      this.#backlog.drain(this.#ring);
    }
    this.borrowed.check();
    // Entries that the ring has no room for are not submitted.
    const quiet = this.#backlog.length === 0 ? this.quiet : 0;
    this.quiet = 0;
    try {
      this.#ring.enter(quiet > 0 ? Math.min(timeoutMs, QUIET_WAIT_MS) : timeoutMs, quiet + 1);
    } catch (error) {
      // A feature that the probe found no longer works: the next port probes again.
      forgetProbe();
      throw error;
    }
    this.#releaseCopied();
  }
}
