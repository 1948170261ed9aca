/** Trying operations: the non-blocking calls, and what their results mean for a socket's readiness. */

import { assert } from '../../assert.js';
import type { SocketAddress } from '../address.js';
import type { FreeBuffers } from '../free-buffers.js';
import type { MessageBlocks } from '../message-blocks.js';
import type { NonBlockingCalls, Poller } from './poller.js';
import type { Results } from './results.js';
import {
  ACCEPT,
  CONNECT,
  CONNECTING,
  HANGUP,
  IDLE,
  READ_CANCELLED,
  READ_QUEUED,
  READABLE,
  SEND,
  SEND_GATHER,
  type SocketTable,
  WATCHED,
  WRITABLE,
  WRITE_CANCELLED,
  WRITE_QUEUED,
} from './socket-table.js';

export interface AttemptParts {
  readonly sockets: NonBlockingCalls;
  readonly poller: Poller;
  readonly messages: MessageBlocks;
  readonly table: SocketTable;
  readonly buffers: FreeBuffers;
  /** Where what has completed goes. */
  readonly results: Results;
}

export class Attempts {
  readonly #sockets: NonBlockingCalls;
  readonly #poller: Poller;
  readonly #messages: MessageBlocks;
  readonly #table: SocketTable;
  readonly #buffers: FreeBuffers;
  readonly #results: Results;
  /** Peer addresses of connects that were not tried yet, or go on. */
  readonly connectAddresses = new Map<number, SocketAddress>();

  constructor(parts: AttemptParts) {
    this.#sockets = parts.sockets;
    this.#poller = parts.poller;
    this.#messages = parts.messages;
    this.#table = parts.table;
    this.#buffers = parts.buffers;
    this.#results = parts.results;
  }

  /** Tries the operation in a socket's reading place; returns how often it has completed. */
  tryRead(socket: number, completionsMax: number): number {
    const table = this.#table;
    const flags = (table.flags[socket] as number) & ~READ_QUEUED;
    table.flags[socket] = flags;
    const kind = table.readKind[socket] as number;
    if (kind === IDLE) {
      return 0;
    }
    if ((flags & READ_CANCELLED) !== 0) {
      table.flags[socket] = flags & ~READ_CANCELLED;
      this.#poller.wantRead(socket, false);
      return this.#endRead(socket, -this.#sockets.cancelled, -1);
    }
    if ((flags & WATCHED) === 0) {
      const added = this.#watch(socket);
      if (added < 0) {
        return this.#endRead(socket, added, -1);
      }
      if ((flags & READABLE) === 0) {
        this.#poller.wantRead(socket, true);
        return 0;
      }
    }
    return kind === ACCEPT ? this.#tryAccept(socket, completionsMax) : this.#tryReceive(socket);
  }

  /** Takes connections until none waits, or enough are taken for one turn; the accept goes on. */
  #tryAccept(socket: number, completionsMax: number): number {
    const table = this.#table;
    let completed = 0;
    for (; completed < completionsMax; completed++) {
      const accepted = this.#sockets.accept(socket);
      if (accepted === -this.#sockets.wouldBlock) {
        this.#waitReadable(socket);
        return completed;
      }
      if (accepted < 0) {
        return completed + this.#endRead(socket, accepted, -1);
      }
      const slot = table.readSlot[socket] as number;
      this.#results.add(slot, table.readSlotGeneration[socket] as number, accepted, true, -1);
    }
    return completed;
  }

  #tryReceive(socket: number): number {
    const buffers = this.#buffers;
    if (buffers.count === 0) {
      return this.#endRead(socket, -this.#sockets.noBuffers, -1);
    }
    const { sizeBytes } = buffers;
    const received = this.#sockets.receive(socket, buffers.nextAddress(), sizeBytes);
    if (received === -this.#sockets.wouldBlock) {
      return this.#waitReadable(socket);
    }
    if (received <= 0) {
      return this.#endRead(socket, received, -1);
    }
    const buffer = buffers.take();
    const flags = this.#table.flags[socket] as number;
    if (received < sizeBytes && (flags & HANGUP) === 0) {
      // A short read emptied the socket (epoll(7)): what comes next is reported anew.
      this.#table.flags[socket] = flags & ~READABLE;
    }
    return this.#endRead(socket, received, buffer);
  }

  #waitReadable(socket: number): 0 {
    const flags = this.#table.flags;
    flags[socket] = (flags[socket] as number) & ~READABLE;
    this.#poller.wantRead(socket, true);
    return 0;
  }

  #endRead(socket: number, result: number, buffer: number): 1 {
    const table = this.#table;
    table.readKind[socket] = IDLE;
    this.#results.add(
      table.readSlot[socket] as number,
      table.readSlotGeneration[socket] as number,
      result,
      false,
      buffer,
    );
    return 1;
  }

  /** Tries the operation in a socket's writing place; returns how often it has completed. */
  tryWrite(socket: number): number {
    const table = this.#table;
    const flags = (table.flags[socket] as number) & ~WRITE_QUEUED;
    table.flags[socket] = flags;
    const kind = table.writeKind[socket] as number;
    if (kind === IDLE) {
      return 0;
    }
    if ((flags & WRITE_CANCELLED) !== 0) {
      table.flags[socket] = flags & ~WRITE_CANCELLED;
      this.#poller.wantWrite(socket, false);
      return this.#endWrite(socket, -this.#sockets.cancelled);
    }
    const result = this.#write(socket, kind);
    // A connect that would block and does not go on (a Unix listener's backlog is full) has failed: no readiness tells
    // when to try again.
    if (result !== -this.#sockets.wouldBlock || table.writeKind[socket] === CONNECT) {
      return this.#endWrite(socket, result);
    }
    // Watching starts with the first wait, and behind connect: epoll reports a socket that is not connected as hung up.
    const added = ((table.flags[socket] as number) & WATCHED) === 0 ? this.#watch(socket) : 0;
    if (added < 0) {
      return this.#endWrite(socket, added);
    }
    table.flags[socket] = (table.flags[socket] as number) & ~WRITABLE;
    this.#poller.wantWrite(socket, true);
    return 0;
  }

  /** Makes the call of a writing operation. */
  #write(socket: number, kind: number): number {
    const table = this.#table;
    switch (kind) {
      case SEND:
        return this.#sockets.send(
          socket,
          table.writeAddress[socket] as number,
          table.writeByteLength[socket] as number,
        );
      case SEND_GATHER:
        return this.#sockets.sendMessage(socket, this.#messages.of(table.writeSlot[socket] as number));
      case CONNECT: {
        const result = this.#sockets.connect(socket, this.connectAddresses.get(socket) as SocketAddress);
        if (result === -this.#sockets.inProgress) {
          table.writeKind[socket] = CONNECTING;
          return -this.#sockets.wouldBlock;
        }
        return result;
      }
      default:
        assert(kind === CONNECTING);
        return this.#sockets.connectResult(socket);
    }
  }

  #endWrite(socket: number, result: number): 1 {
    const table = this.#table;
    const slot = table.writeSlot[socket] as number;
    if (table.writeKind[socket] === SEND_GATHER) {
      this.#messages.release(slot);
    } else if (table.writeKind[socket] !== SEND) {
      this.connectAddresses.delete(socket);
    }
    table.writeKind[socket] = IDLE;
    this.#results.add(slot, table.writeSlotGeneration[socket] as number, result, false, -1);
    return 1;
  }

  /** Has the poller watch a socket; returns 0 or an error, negated. */
  #watch(socket: number): number {
    const added = this.#poller.add(socket, this.#table.generation[socket] as number);
    if (added >= 0) {
      this.#table.flags[socket] = (this.#table.flags[socket] as number) | WATCHED;
    }
    return added;
  }
}
