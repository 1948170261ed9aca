/**
 * Sends of borrowed memory, which the program can detach while they wait. The kernel may read it only within
 * io_uring_enter, immediately after we have checked that it is there, and never later by itself.
 *
 * Therefore these sends have MSG_DONTWAIT: the kernel tries them once, while it takes the submission, and completes
 * them with the bytes that there was room for, or with EAGAIN (`REQ_F_NOWAIT` in io_uring/net.c: they are neither
 * polled nor moved to a kernel thread). The wait for room is a separate operation without memory, under the same slot.
 */

import { ERR_BUFFER_DETACHED } from '../../base/errors.js';
import { EAGAIN, ECANCELED, MSG_DONTWAIT, MSG_NOSIGNAL, POLLOUT } from '../../ffi/linux/constants.js';
import { IORING_OP_POLL_ADD, IORING_OP_SEND, IORING_OP_SENDMSG } from '../../ffi/linux/io-uring.js';
import type { BorrowedMemory } from '../driver.js';
import type { Ring } from './ring.js';
import type { EntryFields } from './submission-entry.js';

/** Fills the next submission entry; returns the entry's position, which counts all entries. */
export type Prepare = (...entry: EntryFields) => number;

/** One send, from its post to its completion. */
interface BorrowedSend {
  readonly opcode: number;
  readonly socket: number;
  readonly address: number;
  readonly byteLength: number;
  /** Total bytes. */
  readonly bytes: number;
  /** Whether the submission entry was voided because the memory was gone. */
  gone: boolean;
  /** Whether the send waits for room. */
  waits: boolean;
  cancelled: boolean;
}

/** A submission entry that the kernel may not have taken yet, by its position. */
interface Prepared {
  readonly slot: number;
  readonly position: number;
}

export class BorrowedSends {
  readonly #memory: BorrowedMemory;
  readonly #ring: Ring;
  readonly #prepare: Prepare;
  /** By slot. */
  readonly #sends = new Map<number, BorrowedSend>();
  #prepared: Prepared[] = [];
  /** Sockets whose last send was partial: they have no room, and trying immediately would fail. */
  readonly #full = new Set<number>();

  constructor(memory: BorrowedMemory, ring: Ring, prepare: Prepare) {
    this.#memory = memory;
    this.#ring = ring;
    this.#prepare = prepare;
  }

  /** Whether there are any sends. */
  get some(): boolean {
    return this.#sends.size > 0;
  }

  has(slot: number): boolean {
    return this.#sends.has(slot);
  }

  /** Posts a send of bytes. */
  post(slot: number, generation: number, socket: number, address: number, byteLength: number): void {
    this.#post(IORING_OP_SEND, slot, generation, socket, address, byteLength, byteLength);
  }

  /** Posts a gathered send of `bytes` bytes in total. */
  postMessage(slot: number, generation: number, socket: number, message: number, bytes: number): void {
    this.#post(IORING_OP_SENDMSG, slot, generation, socket, message, 1, bytes);
  }

  #post(
    opcode: number,
    slot: number,
    generation: number,
    socket: number,
    address: number,
    byteLength: number,
    bytes: number,
  ): void {
    const send = { opcode, socket, address, byteLength, bytes, gone: false, waits: false, cancelled: false };
    this.#sends.set(slot, send);
    if (this.#full.delete(socket)) {
      this.#waitForRoom(send, slot, generation);
    } else {
      this.#try(send, slot, generation);
    }
  }

  /** The socket's number may be reused from now on. */
  forget(socket: number): void {
    this.#full.delete(socket);
  }

  #try(send: BorrowedSend, slot: number, generation: number): void {
    const { opcode, socket, address, byteLength } = send;
    send.waits = false;
    const flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    // This may enter the ring and thereby change the list.
    const position = this.#prepare(opcode, socket, 0, address, byteLength, flags, slot, generation);
    this.#prepared.push({ slot, position });
  }

  #waitForRoom(send: BorrowedSend, slot: number, generation: number): void {
    send.waits = true;
    this.#prepare(IORING_OP_POLL_ADD, send.socket, 0, 0, 0, POLLOUT, slot, generation);
  }

  /** The send in `slot`, if it is a borrowed one, was cancelled and is not tried again. */
  cancel(slot: number): void {
    const send = this.#sends.get(slot);
    if (send !== undefined) {
      send.cancelled = true;
    }
  }

  /** Voids entries whose memory is gone. Call it immediately before the ring is entered. */
  check(): void {
    if (this.#prepared.length === 0) {
      return;
    }
    const ring = this.#ring;
    // The kernel may take only some entries; the others are checked again the next time.
    this.#prepared = this.#prepared.filter(({ position }) => !ring.isSubmitted(position));
    for (const { slot, position } of this.#prepared) {
      const send = this.#sends.get(slot) as BorrowedSend;
      if (!send.gone && ring.isPrepared(position) && !this.#memory.isWhole(slot)) {
        send.gone = true;
        ring.makeVoid(position);
      }
    }
  }

  /**
   * A try of the send in `slot`, or its wait for room, has completed. Returns the send's result; undefined if it
   * continues.
   */
  completed(slot: number, generation: number, result: number): number | undefined {
    const send = this.#sends.get(slot) as BorrowedSend;
    const goesOn = !send.gone && (send.waits ? result >= 0 : result === -EAGAIN);
    if (goesOn && !send.cancelled) {
      if (send.waits) {
        this.#try(send, slot, generation);
      } else {
        this.#waitForRoom(send, slot, generation);
      }
      return undefined;
    }
    this.#sends.delete(slot);
    if (result > 0 && result < send.bytes) {
      this.#full.add(send.socket);
    }
    return send.gone ? -ERR_BUFFER_DETACHED : goesOn ? -ECANCELED : result;
  }
}
