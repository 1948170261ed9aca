/**
 * Tries operations by non-blocking calls, and updates the sockets' readiness by the results. Receives and sends are
 * collected in a batch of calls, which is made when all have been tried.
 */

import { assert } from '../../base/assert.js';
import { ERR_BUFFER_DETACHED } from '../../base/errors.js';
import type { FreeBuffers } from '../common/free-buffers.js';
import type { MsghdrPool } from '../common/msghdr-blocks.js';
import type { BorrowedMemory } from '../driver.js';
import { CallBatch, RECEIVE_CALL, SEND_CALL } from './call-batch.js';
import type { NonBlockingCalls, Poller } from './poller.js';
import type { Results } from './results.js';
import {
  ACCEPT,
  BORROWED,
  CONNECT,
  CONNECTING,
  HANGUP,
  IDLE,
  READ_CANCELLED,
  READ_QUEUED,
  READABLE,
  READS_SHORT,
  SEND,
  SEND_GATHER,
  type SocketTable,
  WATCHED,
  WRITABLE,
  WRITE_CANCELLED,
  WRITE_QUEUED,
} from './socket-table.js';

export interface NonBlockingIoParts {
  readonly sockets: NonBlockingCalls;
  readonly poller: Poller;
  readonly messages: MsghdrPool;
  readonly table: SocketTable;
  readonly buffers: FreeBuffers;
  /** Receives the completions. */
  readonly results: Results;
  readonly borrowed: BorrowedMemory;
  /** Maximum number of tries before `makeCalls`. */
  readonly triesMax: number;
}

/** Instead of the index of a buffer, for calls that have none. */
const NO_BUFFER = -1;

export class NonBlockingIo {
  readonly #sockets: NonBlockingCalls;
  readonly #poller: Poller;
  readonly #messages: MsghdrPool;
  readonly #table: SocketTable;
  readonly #buffers: FreeBuffers;
  readonly #results: Results;
  readonly #borrowed: BorrowedMemory;
  readonly #batch: CallBatch;
  /** The buffer of each receive in the batch. */
  readonly #batchBuffers: Int32Array;
  /** Peer addresses of connects that have not ended, by socket. */
  readonly connectAddresses = new Map<number, Uint8Array>();

  constructor(parts: NonBlockingIoParts) {
    this.#sockets = parts.sockets;
    this.#poller = parts.poller;
    this.#messages = parts.messages;
    this.#table = parts.table;
    this.#buffers = parts.buffers;
    this.#results = parts.results;
    this.#borrowed = parts.borrowed;
    this.#batch = new CallBatch(parts.triesMax);
    this.#batchBuffers = new Int32Array(parts.triesMax);
  }

  /** Number of completions so far, plus those that the batch may add. */
  get completionsMost(): number {
    return this.#results.count + this.#batch.length;
  }

  /** Tries the read of a socket; an accept may complete up to `completionsMax` times. */
  tryRead(socket: number, completionsMax: number): void {
    const table = this.#table;
    const flags = (table.flags[socket] as number) & ~READ_QUEUED;
    table.flags[socket] = flags;
    const kind = table.readKind[socket] as number;
    if (kind === IDLE) {
      return;
    }
    if ((flags & READ_CANCELLED) !== 0) {
      table.flags[socket] = flags & ~READ_CANCELLED;
      this.#poller.wantRead(socket, false);
      this.#endRead(socket, -this.#sockets.cancelled, NO_BUFFER);
      return;
    }
    if ((flags & WATCHED) === 0) {
      const added = this.#watch(socket);
      if (added < 0) {
        this.#endRead(socket, added, NO_BUFFER);
        return;
      }
      if ((flags & READABLE) === 0) {
        this.#poller.wantRead(socket, true);
        return;
      }
    }
    if (kind === ACCEPT) {
      this.#tryAccept(socket, completionsMax);
    } else {
      this.#tryReceive(socket);
    }
  }

  /** Accepts connections until none waits or `completionsMax` are accepted. The accept stays posted. */
  #tryAccept(socket: number, completionsMax: number): void {
    const table = this.#table;
    for (let completed = 0; completed < completionsMax; completed++) {
      const accepted = this.#sockets.accept(socket);
      if (accepted === -this.#sockets.wouldBlock) {
        this.#waitReadable(socket);
        return;
      }
      if (accepted < 0) {
        this.#endRead(socket, accepted, NO_BUFFER);
        return;
      }
      const slot = table.readSlot[socket] as number;
      this.#results.add(slot, table.readSlotGeneration[socket] as number, accepted, true, NO_BUFFER);
    }
  }

  #tryReceive(socket: number): void {
    const buffers = this.#buffers;
    if (buffers.count === 0) {
      // Receives of the batch that would block return their buffers.
      this.makeCalls();
      if (buffers.count === 0) {
        this.#endRead(socket, -this.#sockets.noBuffers, NO_BUFFER);
        return;
      }
    }
    const index = this.#batch.add(RECEIVE_CALL, socket, buffers.nextAddress(), buffers.sizeBytes);
    this.#batchBuffers[index] = buffers.take();
  }

  /** Handles the result of a receive. */
  #received(socket: number, received: number, buffer: number): void {
    const buffers = this.#buffers;
    if (received <= 0) {
      buffers.give(buffer);
      if (received === -this.#sockets.wouldBlock) {
        this.#waitReadable(socket);
      } else {
        this.#endRead(socket, received, NO_BUFFER);
      }
      return;
    }
    const flags = this.#table.flags[socket] as number;
    if (received < buffers.sizeBytes && (flags & (HANGUP | READS_SHORT)) === 0) {
      // A short read has emptied the socket (epoll(7)): new bytes are reported.
      this.#table.flags[socket] = flags & ~READABLE;
    }
    this.#endRead(socket, received, buffer);
  }

  #waitReadable(socket: number): void {
    const flags = this.#table.flags;
    flags[socket] = (flags[socket] as number) & ~READABLE;
    this.#poller.wantRead(socket, true);
  }

  #endRead(socket: number, result: number, buffer: number): void {
    const table = this.#table;
    table.readKind[socket] = IDLE;
    this.#results.add(
      table.readSlot[socket] as number,
      table.readSlotGeneration[socket] as number,
      result,
      false,
      buffer,
    );
  }

  /** Tries the write of a socket. */
  tryWrite(socket: number): void {
    const table = this.#table;
    const flags = (table.flags[socket] as number) & ~WRITE_QUEUED;
    table.flags[socket] = flags;
    const kind = table.writeKind[socket] as number;
    if (kind === IDLE) {
      return;
    }
    if ((flags & WRITE_CANCELLED) !== 0) {
      table.flags[socket] = flags & ~WRITE_CANCELLED;
      this.#poller.wantWrite(socket, false);
      this.#endWrite(socket, -this.#sockets.cancelled);
      return;
    }
    if ((flags & BORROWED) !== 0 && !this.#borrowed.isWhole(table.writeSlot[socket] as number)) {
      // No code of the program runs before the batch is made, so memory that is there now will be there then.
      this.#poller.wantWrite(socket, false);
      this.#endWrite(socket, -ERR_BUFFER_DETACHED);
      return;
    }
    if (kind === SEND) {
      const slot = table.writeSlot[socket] as number;
      const address = table.sendAddress[slot] as number;
      const index = this.#batch.add(SEND_CALL, socket, address, table.sendByteLength[slot] as number);
      this.#batchBuffers[index] = NO_BUFFER;
    } else if (kind === SEND_GATHER) {
      const index = this.#batch.addMessage(socket, this.#messages.of(table.writeSlot[socket] as number));
      this.#batchBuffers[index] = NO_BUFFER;
    } else {
      this.#written(socket, this.#connect(socket, kind));
    }
  }

  /** Handles the result of a send or connect. */
  #written(socket: number, result: number): void {
    const table = this.#table;
    // A connect that would block but does not continue has failed (a Unix listener's backlog is full): no readiness
    // event would say when to try again.
    if (result !== -this.#sockets.wouldBlock || table.writeKind[socket] === CONNECT) {
      this.#endWrite(socket, result);
      return;
    }
    // Watching starts with the first wait, and after connect: epoll reports an unconnected socket as hung up.
    const added = ((table.flags[socket] as number) & WATCHED) === 0 ? this.#watch(socket) : 0;
    if (added < 0) {
      this.#endWrite(socket, added);
      return;
    }
    table.flags[socket] = (table.flags[socket] as number) & ~WRITABLE;
    this.#poller.wantWrite(socket, true);
  }

  /** Starts connecting, or returns the result of a connect that was started. */
  #connect(socket: number, kind: number): number {
    if (kind === CONNECTING) {
      return this.#sockets.connectResult(socket);
    }
    assert(kind === CONNECT);
    const result = this.#sockets.connect(socket, this.connectAddresses.get(socket) as Uint8Array);
    if (result === -this.#sockets.inProgress) {
      this.#table.writeKind[socket] = CONNECTING;
      return -this.#sockets.wouldBlock;
    }
    return result;
  }

  #endWrite(socket: number, result: number): void {
    const table = this.#table;
    const slot = table.writeSlot[socket] as number;
    if (table.writeKind[socket] === SEND_GATHER) {
      this.#messages.release(slot);
    } else if (table.writeKind[socket] !== SEND) {
      this.connectAddresses.delete(socket);
    }
    table.writeKind[socket] = IDLE;
    this.#results.add(slot, table.writeSlotGeneration[socket] as number, result, false, NO_BUFFER);
  }

  /** Makes the calls of the batch. */
  makeCalls(): void {
    const batch = this.#batch;
    const { length, sockets, results } = batch;
    if (length === 0) {
      return;
    }
    this.#sockets.makeAll(batch);
    batch.length = 0;
    for (let index = 0; index < length; index++) {
      const buffer = this.#batchBuffers[index] as number;
      if (buffer === NO_BUFFER) {
        this.#written(sockets[index] as number, results[index] as number);
      } else {
        this.#received(sockets[index] as number, results[index] as number, buffer);
      }
    }
  }

  /** Has the poller watch a socket; returns 0 or an error number, negated. */
  #watch(socket: number): number {
    const added = this.#poller.add(socket, this.#table.generation[socket] as number);
    if (added >= 0) {
      this.#table.flags[socket] = (this.#table.flags[socket] as number) | WATCHED;
    }
    return added;
  }
}
