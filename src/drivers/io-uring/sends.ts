/**
 * The sends of a ring.
 *
 * The kernel tries a small send once, while it takes the submission, and completes it at once (MSG_DONTWAIT): with the
 * bytes that there was room for, or with EAGAIN. Then it is posted again, to wait for room. So it is known how many
 * completions the submission of such sends brings. A wait for one completion would end with the first of them. If nobody
 * waits for the completions of the `n` sends that a call submits (`quietLast`), it waits for `n + 1`: a message that is
 * answered takes one system call.
 */

import { growTyped } from '../../base/typed-arrays.js';
import { EAGAIN, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_WAITALL } from '../../ffi/linux/constants.js';
import { IORING_OP_SEND, IORING_OP_SENDMSG } from '../../ffi/linux/io-uring.js';
import { truncate } from '../common/buffer-list.js';
import { MsghdrPool } from '../common/msghdr-blocks.js';
import type { BufferList } from '../driver.js';
import { linuxMessages } from '../linux/messages.js';
import type { Submissions } from './submissions.js';

/**
 * Maximum bytes of one send in which the kernel waits for room; a longer send goes out in pieces. The kernel moves a
 * send that has waited 128 times (APOLL_MAX_RETRY) to a kernel thread of its own: with socket buffers of 8 KiB this
 * happens at 1 MiB, but not at 256 KiB (seen on 6.18).
 */
const WAITING_BYTES_MAX = 256 * 1024;

/** Maximum bytes of one try of borrowed memory, in which the kernel does not wait. It bounds the time of one call. */
const BORROWED_BYTES_MAX = 512 * 1024;

/** A larger send may well find room for a part only. */
const SMALL_BYTES = 4096;

const SLOTS_FIRST = 1024;

export class Sends {
  readonly #submissions: Submissions;
  readonly #messages = new MsghdrPool(linuxMessages);
  /** The small sends in flight, by slot. */
  #small = new Uint8Array(SLOTS_FIRST);
  #sockets = new Int32Array(SLOTS_FIRST);
  #byteLengths = new Int32Array(SLOTS_FIRST);
  #addresses = new Float64Array(SLOTS_FIRST);
  #lastIsSmall = false;

  constructor(submissions: Submissions) {
    this.#submissions = submissions;
  }

  post(slot: number, generation: number, socket: number, address: number, byteLength: number, borrowed: boolean): void {
    this.#lastIsSmall = false;
    const taken = Math.min(byteLength, borrowed ? BORROWED_BYTES_MAX : WAITING_BYTES_MAX);
    if (borrowed) {
      this.#submissions.borrowed.post(slot, generation, socket, address, taken);
    } else if (taken <= SMALL_BYTES) {
      this.#postSmall(slot, generation, socket, address, taken);
    } else {
      this.#prepare(socket, address, taken, MSG_NOSIGNAL | MSG_WAITALL, slot, generation);
    }
  }

  #prepare(socket: number, address: number, byteLength: number, flags: number, slot: number, generation: number): void {
    this.#submissions.prepare(IORING_OP_SEND, socket, 0, address, byteLength, flags, slot, generation);
  }

  #postSmall(slot: number, generation: number, socket: number, address: number, byteLength: number): void {
    if (slot >= this.#small.length) {
      this.#reach(slot + 1);
    }
    this.#small[slot] = 1;
    this.#sockets[slot] = socket;
    this.#byteLengths[slot] = byteLength;
    this.#addresses[slot] = address;
    this.#prepare(socket, address, byteLength, MSG_NOSIGNAL | MSG_DONTWAIT, slot, generation);
    this.#lastIsSmall = true;
  }

  /** Nobody waits for the completion of the send that was posted last. */
  quietLast(): void {
    if (this.#lastIsSmall) {
      this.#lastIsSmall = false;
      this.#submissions.quiet++;
    }
  }

  #reach(slots: number): void {
    const length = Math.max(2 * this.#small.length, slots);
    this.#small = growTyped(this.#small, length);
    this.#sockets = growTyped(this.#sockets, length);
    this.#byteLengths = growTyped(this.#byteLengths, length);
    this.#addresses = growTyped(this.#addresses, length);
  }

  postGather(slot: number, generation: number, socket: number, pieces: BufferList): void {
    this.#lastIsSmall = false;
    const bytes = truncate(pieces, pieces.borrowed ? BORROWED_BYTES_MAX : WAITING_BYTES_MAX);
    const message = this.#messages.write(slot, pieces).address;
    if (pieces.borrowed) {
      this.#submissions.borrowed.postMessage(slot, generation, socket, message, bytes);
    } else {
      const flags = MSG_NOSIGNAL | MSG_WAITALL;
      this.#submissions.prepare(IORING_OP_SENDMSG, socket, 0, message, 1, flags, slot, generation);
    }
  }

  /**
   * The last completion of an operation, whether it is a send or not. Returns false if a small send has found no room
   * and was posted again.
   */
  completed(slot: number, generation: number, result: number): boolean {
    this.#messages.release(slot);
    if (this.#small[slot] !== 1) {
      return true;
    }
    this.#small[slot] = 0;
    if (result !== -EAGAIN) {
      return true;
    }
    this.#prepare(
      this.#sockets[slot] as number,
      this.#addresses[slot] as number,
      this.#byteLengths[slot] as number,
      MSG_NOSIGNAL | MSG_WAITALL,
      slot,
      generation,
    );
    return false;
  }

  /** A send of borrowed memory has ended. */
  borrowedEnded(slot: number): void {
    this.#messages.release(slot);
  }
}
