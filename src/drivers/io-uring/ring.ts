/** The two rings that the process shares with the kernel, as typed arrays over mapped memory. */

import { assert } from '../../base/assert.js';
import { systemClock } from '../../base/clock.js';
import type { OperationError } from '../../base/errors.js';
import { lastErrno, viewOf } from '../../ffi/library.js';
import {
  EAGAIN,
  EBUSY,
  EINTR,
  EINVAL,
  ENOMEM,
  ETIME,
  MAP_POPULATE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
} from '../../ffi/linux/constants.js';
import {
  IORING_CQ_EVENTFD_DISABLED,
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_FEAT_EXT_ARG,
  IORING_FEAT_NODROP,
  IORING_FEAT_SINGLE_MMAP,
  IORING_FEAT_SUBMIT_STABLE,
  IORING_OFF_SQ_RING,
  IORING_OFF_SQES,
  IORING_OP_NOP,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_NO_SQARRAY,
  IORING_SQ_CQ_OVERFLOW,
  IORING_SQ_TASKRUN,
  SYS_io_uring_enter,
  SYS_io_uring_register,
  SYS_io_uring_setup,
} from '../../ffi/linux/io-uring.js';
import { libc } from '../../ffi/linux/libc.js';
import {
  io_cqring_offsets,
  io_sqring_offsets,
  io_uring_cqe,
  io_uring_getevents_arg,
  io_uring_params,
  timespec,
} from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import { uninterrupted } from '../../ffi/worker-table.js';
import { type Mapping, trackDescriptor, trackMapping, untrackMapping } from '../common/resources.js';
import { Retry } from '../common/retry.js';
import { closeDescriptor } from '../linux/descriptors.js';
import { linuxErrors } from '../linux/errors.js';
import { setTimespec } from '../linux/time.js';
import { SQE_OPCODE, SQE_USER_DATA, SQE_USER_DATA_HIGH, SQE_WORDS } from './submission-entry.js';

/** Completion entries for each submission entry: a multishot operation has many completions. */
const COMPLETIONS_PER_SUBMISSION = 4;

const FEATURES_NEEDED = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_EXT_ARG;

const NOTHING = new Int32Array(0);

/** Sets up a ring; returns its descriptor, or the error number, negated. */
export function setupRing(entries: number, flags: number, params: Slab): number {
  params.u8.fill(0);
  params.u32[io_uring_params.flags >> 2] = flags | IORING_SETUP_CQSIZE;
  params.u32[io_uring_params.cq_entries >> 2] = entries * COMPLETIONS_PER_SUBMISSION;
  const descriptor = libc().syscall(SYS_io_uring_setup, entries, params.address, 0, 0, 0, 0);
  if (descriptor < 0) {
    return -lastErrno();
  }
  trackDescriptor(descriptor);
  return descriptor;
}

export class Ring {
  readonly descriptor: number;
  readonly submissionEntries: number;
  readonly completionEntries: number;
  readonly #libc = libc();
  readonly #mapped: Mapping[] = [];
  readonly #enterArgument = new Slab(io_uring_getevents_arg.size + timespec.size);

  /** The rings' words. */
  #words: Int32Array = NOTHING;
  readonly #sqHead: number;
  readonly #sqTail: number;
  readonly #sqFlags: number;
  readonly #sqMask: number;
  readonly #cqHead: number;
  readonly #cqTail: number;
  readonly #cqFlags: number;
  /** Word of the first completion entry. */
  readonly cqes: number;
  readonly cqMask: number;
  #tail = 0;
  /** The completion ring's head. It is published to the kernel after a batch, not for each completion. */
  #head = 0;
  /** The completion ring's tail when it was last read. */
  #seenTail = 0;

  /** The submission entries, SQE_WORDS words each. */
  sqes: Int32Array = NOTHING;
  /** Number of submission entries that are not submitted. */
  toSubmit = 0;
  /** When to enter the kernel again after it had no memory. */
  readonly retry = new Retry(systemClock);
  #failure: OperationError | undefined;

  /** @param flags set-up flags that the kernel accepts */
  constructor(entries: number, flags: number) {
    const params = new Slab(io_uring_params.size);
    const descriptor = setupRing(entries, flags, params);
    if (descriptor < 0) {
      throw linuxErrors.create(-descriptor, 'io_uring_setup');
    }
    this.descriptor = descriptor;
    const { u32 } = params;
    const features = u32[io_uring_params.features >> 2] as number;
    assert((features & FEATURES_NEEDED) === FEATURES_NEEDED);
    const sq = (field: number): number => u32[(io_uring_params.sq_off + field) >> 2] as number;
    const cq = (field: number): number => u32[(io_uring_params.cq_off + field) >> 2] as number;
    this.submissionEntries = u32[io_uring_params.sq_entries >> 2] as number;
    this.completionEntries = u32[io_uring_params.cq_entries >> 2] as number;
    const usesArray = (flags & IORING_SETUP_NO_SQARRAY) === 0;
    const arrayEnd = usesArray ? sq(io_sqring_offsets.array) + 4 * this.submissionEntries : 0;
    const completionsEnd = cq(io_cqring_offsets.cqes) + io_uring_cqe.size * this.completionEntries;
    this.#words = this.#map(Math.max(arrayEnd, completionsEnd), IORING_OFF_SQ_RING);
    this.sqes = this.#map(this.submissionEntries * SQE_WORDS * 4, IORING_OFF_SQES);
    this.#sqHead = sq(io_sqring_offsets.head) >> 2;
    this.#sqTail = sq(io_sqring_offsets.tail) >> 2;
    this.#sqFlags = sq(io_sqring_offsets.flags) >> 2;
    this.#cqHead = cq(io_cqring_offsets.head) >> 2;
    this.#cqTail = cq(io_cqring_offsets.tail) >> 2;
    this.#cqFlags = cq(io_cqring_offsets.flags) >> 2;
    this.cqes = cq(io_cqring_offsets.cqes) >> 2;
    this.#sqMask = this.#words[sq(io_sqring_offsets.ring_mask) >> 2] as number;
    this.cqMask = this.#words[cq(io_cqring_offsets.ring_mask) >> 2] as number;
    if (usesArray) {
      // Entry i of the array is always submission entry i.
      const array = sq(io_sqring_offsets.array) >> 2;
      for (let index = 0; index < this.submissionEntries; index++) {
        this.#words[array + index] = index;
      }
    }
  }

  #map(byteLength: number, offset: number): Int32Array {
    const address = this.#libc.mmap(
      0,
      byteLength,
      PROT_READ | PROT_WRITE,
      MAP_SHARED | MAP_POPULATE,
      this.descriptor,
      offset,
    );
    if (address === -1) {
      const errno = lastErrno();
      this.close();
      throw linuxErrors.create(errno, 'mmap');
    }
    this.#mapped.push({ address, byteLength });
    trackMapping({ address, byteLength });
    return new Int32Array(viewOf(address, byteLength));
  }

  /** Whether the submission ring has room for another entry. */
  get hasRoom(): boolean {
    // The kernel advances the head only while this thread is in io_uring_enter.
    return ((this.#tail - (this.#words[this.#sqHead] as number)) | 0) < this.submissionEntries;
  }

  /** Takes the next submission entry; returns its first word in `sqes`. There must be room. */
  next(): number {
    const index = this.#tail & this.#sqMask;
    this.#tail = (this.#tail + 1) | 0;
    this.toSubmit++;
    return index * SQE_WORDS;
  }

  /** The position of the next submission entry: a 32-bit count of entries. */
  get position(): number {
    return this.#tail;
  }

  /** Whether the kernel has taken the submission entry at a position. */
  isSubmitted(position: number): boolean {
    return ((position - (this.#words[this.#sqHead] as number)) | 0) < 0;
  }

  /** Whether the submission entry at a position is in the ring, and the kernel has not taken it. */
  isPrepared(position: number): boolean {
    return !this.isSubmitted(position) && ((position - this.#tail) | 0) < 0;
  }

  /** Turns a submission entry that the kernel has not taken into a no-op, which completes under the same slot. */
  makeVoid(position: number): void {
    const word = (position & this.#sqMask) * SQE_WORDS;
    const { sqes } = this;
    for (let field = 0; field < SQE_WORDS; field++) {
      if (field !== SQE_USER_DATA && field !== SQE_USER_DATA_HIGH) {
        sqes[word + field] = 0;
      }
    }
    sqes[word + SQE_OPCODE] = IORING_OP_NOP;
  }

  /** The completion ring's head: where the next completion is read. */
  get head(): number {
    return this.#head;
  }

  /** Number of completions to be read, according to the last known tail; at least 1 if there is one. */
  get ready(): number {
    if (this.#seenTail === this.#head) {
      this.#seenTail = Atomics.load(this.#words, this.#cqTail);
    }
    return (this.#seenTail - this.#head) | 0;
  }

  /** The memory in which completions are read: entry `index` begins at word `cqes + CQE_WORDS * index`. */
  get words(): Int32Array {
    return this.#words;
  }

  /** Completions before `head` have been read. */
  advance(head: number): void {
    this.#head = head;
  }

  /** Publishes the head, so that the kernel can reuse the entries that were read. */
  giveBack(): void {
    Atomics.store(this.#words, this.#cqHead, this.#head);
  }

  /** Whether entering the ring would bring completions (the kernel sets these flags with IORING_SETUP_TASKRUN_FLAG). */
  get hasDeferred(): boolean {
    return (Atomics.load(this.#words, this.#sqFlags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) !== 0;
  }

  /** Whether the kernel writes the registered eventfd when something has completed or is deferred. */
  setNotifying(on: boolean): void {
    Atomics.store(this.#words, this.#cqFlags, on ? 0 : IORING_CQ_EVENTFD_DISABLED);
  }

  /**
   * Submits the prepared entries and lets the kernel complete operations. If the kernel has no memory, nothing is lost,
   * and `retry` says when to enter again; a call with a timeout blocks until then.
   * @param timeoutMs maximum wait for a completion; 0 does not wait
   * @param completions number of completions to wait for
   * @throws OperationError if the failure is permanent, also from every later call
   */
  enter(timeoutMs: number, completions = 1): void {
    if (this.retry.at !== Infinity) {
      this.retry.block(timeoutMs);
      this.#enter(0, 0);
    } else {
      this.#enter(timeoutMs, timeoutMs === 0 ? 0 : completions);
    }
  }

  #enter(timeoutMs: number, completions: number): void {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    this.giveBack();
    Atomics.store(this.#words, this.#sqTail, this.#tail);
    let flags = IORING_ENTER_GETEVENTS;
    let argument = 0;
    let argumentBytes = 0;
    if (timeoutMs > 0 && timeoutMs !== Infinity) {
      flags |= IORING_ENTER_EXT_ARG;
      argument = this.#timeoutArgument(timeoutMs);
      argumentBytes = io_uring_getevents_arg.size;
    }
    const submitted = this.#libc.syscallEnter(
      SYS_io_uring_enter,
      this.descriptor,
      this.toSubmit,
      completions,
      flags,
      argument,
      argumentBytes,
    );
    if (submitted >= 0) {
      this.retry.succeeded();
      this.toSubmit -= submitted;
    } else {
      this.retry.clear();
      this.#enterFailed(lastErrno());
    }
  }

  /** Entries that are not submitted stay for the next call. */
  #enterFailed(errno: number): void {
    switch (errno) {
      case EINTR:
      case ETIME:
        // Interrupted or timed out, and nothing was submitted.
        return;
      case EBUSY:
      case EAGAIN:
      case ENOMEM:
        // The kernel wants completions to be read first, or is short of memory.
        if (this.ready === 0) {
          this.retry.failed();
        }
        return;
      default:
        // Including EBADR: completions were lost for lack of memory.
        this.#failure = linuxErrors.create(errno, 'io_uring_enter');
        throw this.#failure;
    }
  }

  #timeoutArgument(timeoutMs: number): number {
    const slab = this.#enterArgument;
    const time = io_uring_getevents_arg.size;
    slab.setAddress(io_uring_getevents_arg.ts, slab.address + time);
    setTimespec(slab, time, timeoutMs);
    return slab.address;
  }

  /** io_uring_register; returns 0 or more, or the error number, negated. */
  register(operation: number, argument: Slab | undefined, count: number): number {
    const result = this.#libc.syscall(
      SYS_io_uring_register,
      this.descriptor,
      operation,
      argument?.address ?? 0,
      count,
      0,
      0,
    );
    return result < 0 ? -lastErrno() : result;
  }

  /** Unmaps and closes the rings. Their views are dropped first, because unmapped memory must not be read. */
  close(): void {
    this.#words = NOTHING;
    this.sqes = NOTHING;
    uninterrupted(() => {
      for (const mapping of this.#mapped) {
        untrackMapping(mapping);
        this.#libc.munmap(mapping.address, mapping.byteLength);
      }
    });
    this.#mapped.length = 0;
    closeDescriptor(this.descriptor);
  }
}

/** Whether the kernel accepts these set-up flags. */
export function acceptsSetup(flags: number): boolean {
  const descriptor = setupRing(8, flags, new Slab(io_uring_params.size));
  if (descriptor >= 0) {
    closeDescriptor(descriptor);
    return true;
  }
  if (descriptor === -EINVAL) {
    return false;
  }
  throw linuxErrors.create(-descriptor, 'io_uring_setup');
}
