/**
 * Sends of borrowed memory: the program can take it away while they wait. The kernel may read it only within
 * io_uring_enter, right after we have looked whether it is there, and never later by itself.
 *
 * So these sends carry MSG_DONTWAIT: the kernel tries them once, while it takes the submission, and completes them with what
 * there was room for, or with EAGAIN (`REQ_F_NOWAIT` in io_uring/net.c: they are neither polled for nor given to a worker).
 * Waiting for room is an operation of its own, which names no memory, under the same slot.
 */

import { ERR_BUFFER_DETACHED } from '../../base/errors.js';
import { EAGAIN, ECANCELED, MSG_DONTWAIT, MSG_NOSIGNAL, POLLOUT } from '../../ffi/linux/constants.js';
import { IORING_OP_POLL_ADD, IORING_OP_SEND, IORING_OP_SENDMSG } from '../../ffi/linux/io-uring.js';
import type { BorrowedMemory } from '../driver.js';
import type { Ring } from './ring.js';
import type { EntryFields } from './submission-entry.js';

/** Fills the next submission entry, as the driver does for all operations; returns its position in the count of entries. */
export type Prepare = (...entry: EntryFields) => number;

/** One send, from its post to its completion. */
interface BorrowedSend {
  readonly opcode: number;
  readonly socket: number;
  readonly address: number;
  readonly byteLength: number;
  /** Bytes in all. */
  readonly bytes: number;
  /** Whether its submission entry was made void, as the memory was gone. */
  gone: boolean;
  /** Whether it waits for room. */
  waits: boolean;
  cancelled: boolean;
}

/** A submission entry that the kernel has not taken, as far as is known, by its position in the count of entries. */
interface Prepared {
  readonly slot: number;
  readonly position: number;
}

export class BorrowedSends {
  readonly #memory: BorrowedMemory;
  readonly #ring: Ring;
  readonly #prepare: Prepare;
  /** By their slots. */
  readonly #sends = new Map<number, BorrowedSend>();
  #prepared: Prepared[] = [];
  /** Sockets whose last send was cut short: there is no room, and trying at once would be in vain. */
  readonly #full = new Set<number>();

  constructor(memory: BorrowedMemory, ring: Ring, prepare: Prepare) {
    this.#memory = memory;
    this.#ring = ring;
    this.#prepare = prepare;
  }

  /** Whether there are any. */
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

  /** Posts a send of a message, which has so many bytes in all. */
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

  /** The socket's number may be another's from now on. */
  forget(socket: number): void {
    this.#full.delete(socket);
  }

  #try(send: BorrowedSend, slot: number, generation: number): void {
    const { opcode, socket, address, byteLength } = send;
    send.waits = false;
    const flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    // This may enter the ring, and with it change the list.
    const position = this.#prepare(opcode, socket, 0, address, byteLength, flags, slot, generation);
    this.#prepared.push({ slot, position });
  }

  #waitForRoom(send: BorrowedSend, slot: number, generation: number): void {
    send.waits = true;
    this.#prepare(IORING_OP_POLL_ADD, send.socket, 0, 0, 0, POLLOUT, slot, generation);
  }

  /** The send in `slot`, if it is one of these, was asked to end: it is not tried again. */
  cancel(slot: number): void {
    const send = this.#sends.get(slot);
    if (send !== undefined) {
      send.cancelled = true;
    }
  }

  /** To be called right before the ring is entered: entries whose memory is gone are made void. */
  check(): void {
    if (this.#prepared.length === 0) {
      return;
    }
    const ring = this.#ring;
    // The kernel may take fewer than there are: the others are looked at again the next time.
    this.#prepared = this.#prepared.filter(({ position }) => !ring.isSubmitted(position));
    for (const { slot, position } of this.#prepared) {
      const send = this.#sends.get(slot) as BorrowedSend;
      if (!send.gone && ring.isPrepared(position) && !this.#memory.isWhole(slot)) {
        send.gone = true;
        ring.makeVoid(position);
      }
    }
  }

  /** A try of the send in `slot`, or its wait for room, has completed. Returns the send's result, if it is over. */
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
