/**
 * Operations held back for want of something: receives that found the buffer pool empty, accepts that found no free
 * descriptor, and whatever the system had no memory for, or interrupted. They are not over; they are posted again when
 * there are buffers, when a socket is closed, or (others free descriptors and memory too) after a while.
 */

import type { SocketAddress } from '../base/address.js';
import { Fifo } from '../base/fifo.js';
import type { Driver } from '../drivers/driver.js';
import { Interrupted } from './interrupted.js';
import { ACCEPT, CONNECT, type OperationTable } from './operations.js';
import type { OverlappedSocket } from './socket.js';

/** Time until an accept that found no descriptor is tried again unasked, in ms. */
export const ACCEPT_RETRY_MS = 100;

interface Waiting {
  readonly slot: number;
  readonly generation: number;
}

export class RetryQueue {
  readonly #driver: Driver;
  readonly #operations: OperationTable;
  readonly #receives = new Fifo<Waiting>();
  #accepts: Waiting[] = [];
  readonly #interrupted: Interrupted;
  /** When accepts are tried again, by the driver's clock; Infinity when none waits. */
  acceptsDueAt = Infinity;
  /** How often an operation was held back. */
  acceptsDelayed = 0;
  receivesDelayed = 0;

  constructor(driver: Driver, operations: OperationTable) {
    this.#driver = driver;
    this.#operations = operations;
    this.#interrupted = new Interrupted(driver.clock, operations);
  }

  delayReceive(slot: number): void {
    this.receivesDelayed++;
    this.#operations.delayed[slot] = 1;
    this.#receives.push({ slot, generation: this.#operations.generation[slot] as number });
  }

  delayAccept(slot: number): void {
    this.acceptsDelayed++;
    this.#operations.delayed[slot] = 1;
    this.#accepts.push({ slot, generation: this.#operations.generation[slot] as number });
    this.acceptsDueAt = Math.min(this.acceptsDueAt, this.#driver.clock.now() + ACCEPT_RETRY_MS);
  }

  /** The system had no memory for an operation, or interrupted it. */
  delayInterrupted(slot: number): void {
    this.#operations.delayed[slot] = 1;
    this.#interrupted.add(slot);
  }

  /** The same for the first send of a socket. */
  delaySend(socket: OverlappedSocket): void {
    this.#interrupted.add(socket.firstSend, socket);
  }

  /** When what was interrupted is tried again, by the driver's clock; Infinity when nothing was. */
  get interruptedDueAt(): number {
    return this.#interrupted.dueAt;
  }

  /** Posts what was interrupted and is due. @param restart goes on with a socket's sends, if any are left */
  retryInterrupted(restart: (socket: OverlappedSocket) => void): void {
    this.#interrupted.take((slot, generation) => this.#postIfCurrent({ slot, generation }), restart);
  }

  /** Whether receives wait though there are buffers. */
  get receivesDue(): boolean {
    return this.#receives.length > 0 && this.#driver.buffersFree > 0;
  }

  /**
   * Posts as many receives as there are buffers, those first that have waited longest. It must be asked for again: one that
   * has nothing to receive after all takes no buffer, and so would never give one back for the next.
   */
  retryReceives(): void {
    let left = this.#driver.buffersFree;
    while (left > 0 && this.#receives.length > 0) {
      if (this.#postIfCurrent(this.#receives.shift())) {
        left--;
      }
    }
  }

  /** A descriptor is free, or time has passed: accepts are posted. */
  retryAccepts(): void {
    const accepts = this.#accepts;
    this.#accepts = [];
    this.acceptsDueAt = Infinity;
    for (const waiting of accepts) {
      this.#postIfCurrent(waiting);
    }
  }

  /** Whether an accept waits for a descriptor. */
  get acceptsWait(): boolean {
    return this.#accepts.length > 0;
  }

  /** Posts what still waits: it may have been cancelled meanwhile. */
  #postIfCurrent({ slot, generation }: Waiting): boolean {
    const { delayed } = this.#operations;
    if (!this.#operations.isCurrent(slot, generation) || delayed[slot] === 0) {
      return false;
    }
    delayed[slot] = 0;
    this.#post(slot);
    return true;
  }

  #post(slot: number): void {
    const { kind, generation, sockets, once } = this.#operations;
    const { handle, connectAddress } = sockets[slot] as OverlappedSocket;
    if (kind[slot] === ACCEPT) {
      this.#driver.postAccept(slot, generation[slot] as number, handle);
    } else if (kind[slot] === CONNECT) {
      this.#driver.postConnect(slot, generation[slot] as number, handle, connectAddress as SocketAddress);
    } else {
      this.#driver.postReceive(slot, generation[slot] as number, handle, once[slot] === 1, true);
    }
  }
}
