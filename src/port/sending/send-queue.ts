/**
 * Sends of a socket, in order. One send is with the driver at a time, as two could change places; what is queued meanwhile
 * goes out together in the next. A driver may take fewer bytes than it was given: the rest follows from here.
 */

import { assert } from '../../base/assert.js';
import type { BorrowedBytes } from '../../base/bytes.js';
import { ERR_BUFFER_DETACHED, OperationError } from '../../base/errors.js';
import { RefCounted } from '../../base/ref-counted.js';
import { PASSING } from '../../drivers/common/retry.js';
import type { BufferList, Driver } from '../../drivers/driver.js';
import { GATHER_PIECES_MAX } from '../../drivers/driver.js';
import { type OperationTable, SEND, SHUTDOWN } from '../operations.js';
import type { OverlappedSocket } from '../socket.js';
import { type SendMemory, SendVector } from './send-memory.js';
import { SendStages } from './send-stages.js';

/** Told how each send ended: bytes, or the system's error number, negated; 0 for a shutdown. */
export type SendEnd = (slot: number, result: number) => void;

export class SendQueue {
  readonly #driver: Driver;
  readonly #operations: OperationTable;
  readonly #memory: SendMemory;
  readonly #onEnd: SendEnd;
  readonly #delay: (socket: OverlappedSocket) => void;
  readonly #cancelled: number;
  /** Copies of borrowed memory, where the driver needs them. */
  readonly #stages: SendStages | undefined;
  readonly #list: BufferList = {
    count: 0,
    borrowed: false,
    addresses: new Float64Array(GATHER_PIECES_MAX),
    lengths: new Float64Array(GATHER_PIECES_MAX),
  };

  /** @param delay called for a socket whose sends could not go on for the moment: they do so by `restart` */
  constructor(
    driver: Driver,
    operations: OperationTable,
    memory: SendMemory,
    onEnd: SendEnd,
    delay: (socket: OverlappedSocket) => void,
  ) {
    this.#delay = delay;
    this.#driver = driver;
    this.#operations = operations;
    this.#memory = memory;
    this.#stages = driver.readsBetweenCalls ? new SendStages() : undefined;
    this.#onEnd = onEnd;
    this.#cancelled = -driver.errors.numberOf('ECANCELED');
  }

  /** Appends the send or shutdown in `slot`. */
  append(socket: OverlappedSocket, slot: number): void {
    if (socket.firstSend < 0) {
      socket.firstSend = slot;
    } else {
      this.#operations.next[socket.lastSend] = slot;
    }
    socket.lastSend = slot;
    if (!socket.sending) {
      this.#start(socket);
    }
  }

  /** The driver has taken `result` bytes of what it was given, or failed with an error number, negated. */
  completed(socket: OverlappedSocket, result: number): void {
    assert(socket.sending && socket.firstSend >= 0);
    const cancelled = socket.sendsCancelled;
    this.#stages?.release(socket.firstSend);
    socket.lastWithDriver = -1;
    socket.sendsCancelled = false;
    if (result > 0) {
      this.#operations.failures[socket.firstSend] = 0;
      this.#take(socket, result);
    }
    if (result < 0) {
      this.#failed(socket, result, cancelled);
    } else if (cancelled) {
      this.failAll(socket, this.#cancelled);
    } else {
      this.#start(socket);
    }
  }

  #failed(socket: OverlappedSocket, result: number, cancelled: boolean): void {
    if (result === -ERR_BUFFER_DETACHED && !cancelled) {
      // One of those that were handed over together: those before it are sent after all.
      this.#start(socket);
    } else if (result !== -ERR_BUFFER_DETACHED && !PASSING.has(this.#driver.errors.codeOf(-result))) {
      // A hole in the stream: nothing behind it may go out.
      this.failAll(socket, result);
    } else if (cancelled) {
      // Such as a send of io_uring, which was interrupted to end it.
      this.failAll(socket, this.#cancelled);
    } else {
      this.#delay(socket);
    }
  }

  /** Goes on with what could not go on for a moment. */
  restart(socket: OverlappedSocket): void {
    if (!socket.sending) {
      this.#start(socket);
    }
  }

  /** A number that grows while the first send is in flight and the peer takes something, as far as that is known. */
  progress(socket: OverlappedSocket): number {
    const taken = socket.sending ? (this.#operations.bytesTaken[socket.firstSend] as number) : 0;
    return taken + (this.#driver.sockets.sendProgress(socket.handle) ?? 0);
  }

  /** Counts the bytes that were taken against the sends, first to last. */
  #take(socket: OverlappedSocket, bytes: number): void {
    const { byteLength, bytesTaken } = this.#operations;
    let left = bytes;
    while (left > 0) {
      const slot = socket.firstSend;
      assert(slot >= 0);
      const taken = Math.min(left, (byteLength[slot] as number) - (bytesTaken[slot] as number));
      bytesTaken[slot] = (bytesTaken[slot] as number) + taken;
      left -= taken;
      if (bytesTaken[slot] === byteLength[slot]) {
        this.#endFirst(socket, byteLength[slot] as number);
      } else {
        return;
      }
    }
  }

  /** Ends all that is not with the driver, first to last. */
  failAll(socket: OverlappedSocket, result: number): void {
    assert(!socket.sending);
    while (socket.firstSend >= 0) {
      this.#endFirst(socket, result);
    }
  }

  /** Asks for the end of all sends; what was handed over together is with the driver together, and ends there. */
  cancelAll(socket: OverlappedSocket): void {
    if (!socket.sending) {
      this.failAll(socket, this.#cancelled);
      return;
    }
    socket.sendsCancelled = true;
    this.#failQueued(socket, this.#cancelled);
    const slot = socket.firstSend;
    this.#driver.cancel(slot, this.#operations.generation[slot] as number, socket.handle);
  }

  /** Ends what queues behind the send that is with the driver. */
  #failQueued(socket: OverlappedSocket, result: number): void {
    const last = socket.lastWithDriver;
    let slot = this.#operations.next[last] as number;
    this.#operations.next[last] = -1;
    socket.lastSend = last;
    while (slot >= 0) {
      const next = this.#operations.next[slot] as number;
      this.#onEnd(slot, result);
      slot = next;
    }
  }

  #endFirst(socket: OverlappedSocket, result: number): void {
    const slot = socket.firstSend;
    const next = this.#operations.next[slot] as number;
    socket.firstSend = next;
    if (next < 0) {
      socket.lastSend = -1;
    }
    this.#onEnd(slot, result);
  }

  /** Hands the next sends to the driver, together as far as they fit. */
  #start(socket: OverlappedSocket): void {
    const { kind, byteLength } = this.#operations;
    while (socket.firstSend >= 0) {
      const slot = socket.firstSend;
      if (kind[slot] === SHUTDOWN) {
        this.#endFirst(socket, this.#shutdown(socket));
      } else if (byteLength[slot] === 0) {
        this.#endFirst(socket, 0);
      } else if (!this.#memory.isOneWhole(slot)) {
        this.failAll(socket, -ERR_BUFFER_DETACHED);
      } else {
        this.#post(socket, slot);
        return;
      }
    }
  }

  #shutdown(socket: OverlappedSocket): number {
    try {
      this.#driver.sockets.shutdownSend(socket.handle);
      return 0;
    } catch (error) {
      assert(error instanceof OperationError && error.systemNumber !== undefined);
      return -error.systemNumber;
    }
  }

  #post(socket: OverlappedSocket, slot: number): void {
    const { generation, address, byteLength, bytesTaken, borrowed, owners: held, next } = this.#operations;
    socket.lastWithDriver = slot;
    const taken = bytesTaken[slot] as number;
    const isBorrowed = borrowed[slot] === 1;
    if (
      (next[slot] as number) < 0 &&
      !(held[slot] instanceof SendVector) &&
      !(isBorrowed && this.#stages !== undefined)
    ) {
      this.#driver.postSend(
        slot,
        generation[slot] as number,
        socket.handle,
        (address[slot] as number) + taken,
        (byteLength[slot] as number) - taken,
        isBorrowed,
      );
      return;
    }
    this.#fillList(socket, slot);
    this.#driver.postSendGather(slot, generation[slot] as number, socket.handle, this.#list);
  }

  /** Collects pieces from the send in `first` on, until a shutdown, the end, or the gather is full. */
  #fillList(socket: OverlappedSocket, first: number): void {
    const { kind, next, borrowed } = this.#operations;
    const gather = this.#list;
    gather.count = 0;
    gather.borrowed = false;
    for (let slot = first; slot >= 0 && kind[slot] === SEND; slot = next[slot] as number) {
      const isBorrowed = borrowed[slot] === 1;
      if (gather.count === GATHER_PIECES_MAX || (slot !== first && !this.#goesWith(slot))) {
        return;
      }
      socket.lastWithDriver = slot;
      gather.borrowed ||= isBorrowed && this.#stages === undefined;
      this.#addSend(slot);
      if (isBorrowed && this.#stages !== undefined) {
        // The stage of one send may be full before its end.
        return;
      }
    }
  }

  /** Whether a send can be handed over together with those before it. */
  #goesWith(slot: number): boolean {
    return this.#stages === undefined ? this.#memory.isOneWhole(slot) : this.#operations.borrowed[slot] === 0;
  }

  #addSend(slot: number): void {
    const { address, byteLength, bytesTaken, owners: held } = this.#operations;
    const pieces = held[slot];
    let skip = bytesTaken[slot] as number;
    if (!(pieces instanceof SendVector)) {
      this.#addBytes(slot, (address[slot] as number) + skip, (byteLength[slot] as number) - skip, pieces, skip);
      return;
    }
    for (let index = 0; index < pieces.addresses.length; index++) {
      const length = pieces.lengths[index] as number;
      if (skip >= length) {
        skip -= length;
        continue;
      }
      const start = (pieces.addresses[index] as number) + skip;
      if (!this.#addBytes(slot, start, length - skip, pieces.owners[index], skip)) {
        return;
      }
      skip = 0;
    }
  }

  /** Adds a piece, which begins at `offset` of what its holder keeps; returns whether another one has room. */
  #addBytes(slot: number, address: number, byteLength: number, held: unknown, offset: number): boolean {
    const gather = this.#list;
    if (gather.count === GATHER_PIECES_MAX) {
      return false;
    }
    const { count } = gather;
    if (this.#stages === undefined || held === undefined || held instanceof RefCounted) {
      gather.addresses[count] = address;
      gather.lengths[count] = byteLength;
      gather.count = count + 1;
      return true;
    }
    const copied = this.#stages.copy(slot, (held as BorrowedBytes).view, offset, byteLength);
    gather.addresses[count] = this.#stages.address;
    gather.lengths[count] = copied;
    gather.count = copied > 0 ? count + 1 : count;
    return copied === byteLength;
  }
}
