/**
 * The sends of a socket, in order. Only one send is with the driver at a time, because two could overtake each other. Sends
 * that are posted meanwhile are queued and submitted together as one vectored send. A driver may take fewer bytes than it was
 * given: the queue then posts the rest.
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

/** Where the queue reports what became of its sends. */
export interface SendSink {
  /** A send ended: with its bytes, or with the system's error number, negated; with 0 for a shutdown. */
  sendEnded(slot: number, result: number): void;
  /** The sends of a socket cannot continue for the moment: `restart` is to be called later. */
  sendDelayed(socket: OverlappedSocket): void;
}

export class SendQueue {
  readonly #driver: Driver;
  readonly #operations: OperationTable;
  readonly #memory: SendMemory;
  readonly #sink: SendSink;
  readonly #cancelled: number;
  /** Copies of borrowed memory, for drivers that need them. */
  readonly #stages: SendStages | undefined;
  /** Filled anew for each vectored send. */
  readonly #list: BufferList;

  constructor(driver: Driver, operations: OperationTable, memory: SendMemory, sink: SendSink) {
    this.#driver = driver;
    this.#operations = operations;
    this.#memory = memory;
    this.#sink = sink;
    this.#stages = driver.readsBetweenCalls ? new SendStages() : undefined;
    this.#cancelled = -driver.errors.numberOf('ECANCELED');
    this.#list = {
      count: 0,
      borrowed: false,
      addresses: new Float64Array(GATHER_PIECES_MAX),
      lengths: new Float64Array(GATHER_PIECES_MAX),
      views: driver.needsViews === true ? [] : undefined,
    };
  }

  /**
   * Appends the send in `slot`, which is one piece of memory. If nothing is queued, it is submitted at once: the usual case,
   * because an engine keeps one send in flight.
   */
  appendPiece(socket: OverlappedSocket, slot: number): void {
    const { generation, address, byteLength, borrowed, lastSend, lastWithDriver } = this.#operations;
    if (socket.firstSend >= 0 || borrowed[slot] !== 0 || byteLength[slot] === 0) {
      this.append(socket, slot);
      return;
    }
    socket.firstSend = slot;
    lastSend[slot] = slot;
    lastWithDriver[slot] = slot;
    this.#driver.postSend(
      slot,
      generation[slot] as number,
      socket.handle,
      address[slot] as number,
      byteLength[slot] as number,
      false,
    );
  }

  /** Appends the send or shutdown in `slot`. */
  append(socket: OverlappedSocket, slot: number): void {
    const { next, lastSend, lastWithDriver } = this.#operations;
    if (socket.firstSend < 0) {
      socket.firstSend = slot;
      lastWithDriver[slot] = -1;
    } else {
      next[lastSend[socket.firstSend] as number] = slot;
    }
    lastSend[socket.firstSend] = slot;
    if (!this.isSending(socket)) {
      this.#start(socket);
    }
  }

  /** The driver has taken `result` bytes of what it was given, or failed with an error number, negated. */
  completed(socket: OverlappedSocket, result: number): void {
    const first = socket.firstSend;
    assert(first >= 0);
    const { lastSend, lastWithDriver } = this.#operations;
    assert((lastWithDriver[first] as number) >= 0);
    const cancelled = this.#operations.cancelled[first] === 1;
    this.#stages?.release(first);
    lastWithDriver[first] = -1;
    if (result > 0) {
      const { byteLength, bytesTaken, failures } = this.#operations;
      if (first === lastSend[first] && result === byteLength[first] && bytesTaken[first] === 0) {
        // The usual case: the only send of the socket, and all of its bytes.
        socket.firstSend = -1;
        this.#sink.sendEnded(first, result);
        return;
      }
      failures[first] = 0;
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
      // The memory of one of the sends that were submitted together is gone: those before it can still be sent.
      this.#start(socket);
    } else if (result !== -ERR_BUFFER_DETACHED && !PASSING.has(this.#driver.errors.codeOf(-result))) {
      // The stream has a hole: nothing after it may be sent.
      this.failAll(socket, result);
    } else if (cancelled) {
      // For example a send of io_uring, which the cancellation interrupted.
      this.failAll(socket, this.#cancelled);
    } else {
      this.#sink.sendDelayed(socket);
    }
  }

  /** Continues the sends of a socket after `sendDelayed`. */
  restart(socket: OverlappedSocket): void {
    if (!this.isSending(socket)) {
      this.#start(socket);
    }
  }

  /** Whether sends are with the driver. */
  isSending({ firstSend }: OverlappedSocket): boolean {
    return firstSend >= 0 && (this.#operations.lastWithDriver[firstSend] as number) >= 0;
  }

  /** The driver has failed, and completes nothing any more. */
  takeBack({ firstSend }: OverlappedSocket): void {
    if (firstSend >= 0) {
      this.#operations.lastWithDriver[firstSend] = -1;
    }
  }

  /** A number that grows while the first send is in flight and the peer takes bytes, as far as the system reports it. */
  progress(socket: OverlappedSocket): number {
    const taken = this.isSending(socket) ? (this.#operations.bytesTaken[socket.firstSend] as number) : 0;
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

  /** Ends all sends of a socket that has none with the driver, first to last. */
  failAll(socket: OverlappedSocket, result: number): void {
    assert(!this.isSending(socket));
    while (socket.firstSend >= 0) {
      this.#endFirst(socket, result);
    }
  }

  /** Cancels all sends. Those that were submitted together are cancelled together, and end when the driver completes them. */
  cancelAll(socket: OverlappedSocket): void {
    if (!this.isSending(socket)) {
      this.failAll(socket, this.#cancelled);
      return;
    }
    // The driver's sends end together: the first of them carries the mark for all.
    const slot = socket.firstSend;
    this.#operations.cancelled[slot] = 1;
    this.#failQueued(socket, this.#cancelled);
    this.#driver.cancel(slot, this.#operations.generation[slot] as number, socket.handle);
  }

  /** Ends the sends that are queued after the one that is with the driver. */
  #failQueued(socket: OverlappedSocket, result: number): void {
    const { next, lastSend, lastWithDriver } = this.#operations;
    const last = lastWithDriver[socket.firstSend] as number;
    let slot = next[last] as number;
    next[last] = -1;
    lastSend[socket.firstSend] = last;
    while (slot >= 0) {
      const following = next[slot] as number;
      this.#sink.sendEnded(slot, result);
      slot = following;
    }
  }

  #endFirst(socket: OverlappedSocket, result: number): void {
    const slot = socket.firstSend;
    const { next, lastSend, lastWithDriver } = this.#operations;
    const second = next[slot] as number;
    socket.firstSend = second;
    if (second >= 0) {
      lastSend[second] = lastSend[slot] as number;
      lastWithDriver[second] = -1;
    }
    this.#sink.sendEnded(slot, result);
  }

  /** Submits the next sends to the driver: as many as fit into one vectored send. */
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
      assert(error instanceof OperationError);
      assert(error.systemNumber !== undefined);
      return -error.systemNumber;
    }
  }

  #post(socket: OverlappedSocket, slot: number): void {
    const { generation, address, byteLength, bytesTaken, borrowed, owners, next, lastWithDriver } = this.#operations;
    lastWithDriver[slot] = slot;
    const taken = bytesTaken[slot] as number;
    const isBorrowed = borrowed[slot] === 1;
    const isLast = (next[slot] as number) < 0;
    if (isLast && !(owners[slot] instanceof SendVector) && !(isBorrowed && this.#stages !== undefined)) {
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
    this.#fillList(slot);
    this.#driver.postSendGather(slot, generation[slot] as number, socket.handle, this.#list);
  }

  /** Lists the memory of the sends from `first` on, up to a shutdown, the end of the queue, or the capacity of the list. */
  #fillList(first: number): void {
    const { kind, next, borrowed, lastWithDriver } = this.#operations;
    const list = this.#list;
    list.count = 0;
    list.borrowed = false;
    for (let slot = first; slot >= 0 && kind[slot] === SEND; slot = next[slot] as number) {
      const isBorrowed = borrowed[slot] === 1;
      if (list.count === GATHER_PIECES_MAX || (slot !== first && !this.#canFollow(slot))) {
        return;
      }
      lastWithDriver[first] = slot;
      list.borrowed ||= isBorrowed && this.#stages === undefined;
      this.#listSend(slot);
      if (isBorrowed && this.#stages !== undefined) {
        // The stage may have had room for only a part of this send.
        return;
      }
    }
  }

  /** Whether a send can be submitted together with the sends before it. */
  #canFollow(slot: number): boolean {
    return this.#stages === undefined ? this.#memory.isOneWhole(slot) : this.#operations.borrowed[slot] === 0;
  }

  /** Lists the memory of one send, as far as the list has room. */
  #listSend(slot: number): void {
    const { address, byteLength, bytesTaken, owners } = this.#operations;
    const vector = owners[slot];
    let skip = bytesTaken[slot] as number;
    if (!(vector instanceof SendVector)) {
      this.#listPiece(slot, (address[slot] as number) + skip, (byteLength[slot] as number) - skip, vector, skip);
      return;
    }
    for (let index = 0; index < vector.addresses.length; index++) {
      const length = vector.lengths[index] as number;
      if (skip >= length) {
        skip -= length;
        continue;
      }
      const start = (vector.addresses[index] as number) + skip;
      if (!this.#listPiece(slot, start, length - skip, vector.owners[index], skip)) {
        return;
      }
      skip = 0;
    }
  }

  /** Lists one piece, which begins at `offset` of its owner's bytes; returns whether the next piece of the send may follow. */
  #listPiece(slot: number, address: number, byteLength: number, owner: unknown, offset: number): boolean {
    const list = this.#list;
    if (list.count === GATHER_PIECES_MAX) {
      return false;
    }
    const { count } = list;
    if (this.#stages === undefined || owner === undefined || owner instanceof RefCounted) {
      list.addresses[count] = address;
      list.lengths[count] = byteLength;
      list.count = count + 1;
      if (list.views !== undefined) {
        list.views[count] = this.#memory.pieceAt(owner as RefCounted | undefined, slot, address, byteLength);
      }
      return true;
    }
    const copied = this.#stages.copy(slot, (owner as BorrowedBytes).view, offset, byteLength);
    list.addresses[count] = this.#stages.address;
    list.lengths[count] = copied;
    list.count = copied > 0 ? count + 1 : count;
    if (list.views !== undefined && copied > 0) {
      list.views[count] = (this.#stages.block as RefCounted).bytesAt(this.#stages.address, copied);
    }
    return copied === byteLength;
  }
}
