/**
 * Operations that are held back: receives that found the buffer pool empty, accepts that found no free descriptor, and
 * operations that the system interrupted or had no memory for. They are still in flight, but the driver does not know them.
 * They are posted again when buffers come back, when a socket is closed, or after a delay, because other processes free
 * descriptors and memory too.
 */

import type { SocketAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import { Fifo } from '../base/fifo.js';
import { retryDelayMs } from '../drivers/common/retry.js';
import type { Driver } from '../drivers/driver.js';
import { ACCEPT, CONNECT, type OperationTable } from './operations.js';
import { connectAddressOf, type OverlappedSocket } from './socket.js';

/** Delay after which an accept that found no descriptor is posted again, in ms. */
export const ACCEPT_RETRY_MS = 100;

/** The failures of an operation are counted up to this: the delay reaches its longest value much earlier. */
const FAILURES_MAX = 255;

/** Identifies an operation: its slot may belong to another one by the time it is due. */
interface HeldBack {
  readonly slot: number;
  readonly generation: number;
}

interface Interrupted extends HeldBack {
  /** For a send: its socket, whose other sends wait with it. */
  readonly socket: OverlappedSocket | undefined;
  readonly dueAt: number;
}

/**
 * Operations that the system interrupted, or had no memory for. Each is posted again after 1 ms, and after twice the delay
 * whenever it fails again, up to 100 ms.
 */
class InterruptedQueue {
  readonly #clock: Clock;
  readonly #operations: OperationTable;
  #entries: Interrupted[] = [];
  /** When the first of them is posted again, by the clock; Infinity when there is none. */
  dueAt = Infinity;

  constructor(clock: Clock, operations: OperationTable) {
    this.#clock = clock;
    this.#operations = operations;
  }

  /** @param socket only for a send: its socket, which restarts its sends */
  add(slot: number, socket?: OverlappedSocket): void {
    const { failures, generation } = this.#operations;
    const count = Math.min(FAILURES_MAX, (failures[slot] as number) + 1);
    failures[slot] = count;
    const dueAt = this.#clock.now() + retryDelayMs(count);
    this.#entries.push({ slot, generation: generation[slot] as number, socket, dueAt });
    this.dueAt = Math.min(this.dueAt, dueAt);
  }

  /**
   * Removes the operations that are due and passes them on.
   * @param post posts an operation, if it is still held back
   * @param restart continues the sends of a socket
   */
  take(post: (operation: HeldBack) => void, restart: (socket: OverlappedSocket) => void): void {
    const now = this.#clock.now();
    const entries = this.#entries;
    this.#entries = entries.filter(({ dueAt }) => dueAt > now);
    this.dueAt = this.#entries.reduce((least, { dueAt }) => Math.min(least, dueAt), Infinity);
    for (const entry of entries) {
      if (entry.dueAt > now) {
        continue;
      }
      if (entry.socket === undefined) {
        post(entry);
      } else {
        restart(entry.socket);
      }
    }
  }
}

export class RetryQueue {
  readonly #driver: Driver;
  readonly #operations: OperationTable;
  readonly #receives = new Fifo<HeldBack>();
  #accepts: HeldBack[] = [];
  readonly #interrupted: InterruptedQueue;
  /** When accepts are posted again, by the driver's clock; Infinity when none is held back. */
  acceptsDueAt = Infinity;
  /** How often an accept was held back since the port was created. */
  acceptsDelayed = 0;
  /** How often a receive was held back since the port was created. */
  receivesDelayed = 0;

  constructor(driver: Driver, operations: OperationTable) {
    this.#driver = driver;
    this.#operations = operations;
    this.#interrupted = new InterruptedQueue(driver.clock, operations);
  }

  delayReceive(slot: number): void {
    this.receivesDelayed++;
    this.#receives.push(this.#holdBack(slot));
  }

  delayAccept(slot: number): void {
    this.acceptsDelayed++;
    this.#accepts.push(this.#holdBack(slot));
    this.acceptsDueAt = Math.min(this.acceptsDueAt, this.#driver.clock.now() + ACCEPT_RETRY_MS);
  }

  /** Holds back an operation that the system interrupted, or had no memory for. */
  delayInterrupted(slot: number): void {
    this.#operations.delayed[slot] = 1;
    this.#interrupted.add(slot);
  }

  /** Does the same for the first send of a socket. */
  delaySend(socket: OverlappedSocket): void {
    this.#interrupted.add(socket.firstSend, socket);
  }

  #holdBack(slot: number): HeldBack {
    this.#operations.delayed[slot] = 1;
    return { slot, generation: this.#operations.generation[slot] as number };
  }

  /** When the first interrupted operation is posted again, by the driver's clock; Infinity when there is none. */
  get interruptedDueAt(): number {
    return this.#interrupted.dueAt;
  }

  /** Posts the interrupted operations that are due. @param restart continues the sends of a socket, if any are left */
  retryInterrupted(restart: (socket: OverlappedSocket) => void): void {
    this.#interrupted.take((operation) => this.#postIfCurrent(operation), restart);
  }

  /** Whether receives are held back although there are free buffers. */
  get receivesDue(): boolean {
    return this.#receives.length > 0 && this.#driver.buffersFree > 0;
  }

  /**
   * Posts as many receives as there are free buffers, the oldest first. The caller must ask again later: a receive that
   * turns out to have nothing to read takes no buffer, so no buffer comes back that would start the next one.
   */
  retryReceives(): void {
    let left = this.#driver.buffersFree;
    while (left > 0 && this.#receives.length > 0) {
      if (this.#postIfCurrent(this.#receives.shift())) {
        left--;
      }
    }
  }

  /** Posts the accepts that are held back: a descriptor is free, or the delay has passed. */
  retryAccepts(): void {
    const accepts = this.#accepts;
    this.#accepts = [];
    this.acceptsDueAt = Infinity;
    for (const accept of accepts) {
      this.#postIfCurrent(accept);
    }
  }

  /** Whether an accept is held back for want of a descriptor. */
  get acceptsWait(): boolean {
    return this.#accepts.length > 0;
  }

  /** Posts an operation, unless it was cancelled while it was held back. */
  #postIfCurrent({ slot, generation }: HeldBack): boolean {
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
    const socket = sockets[slot] as OverlappedSocket;
    const { handle } = socket;
    if (kind[slot] === ACCEPT) {
      this.#driver.postAccept(slot, generation[slot] as number, handle);
    } else if (kind[slot] === CONNECT) {
      this.#driver.postConnect(slot, generation[slot] as number, handle, connectAddressOf(socket) as SocketAddress);
    } else {
      this.#driver.postReceive(slot, generation[slot] as number, handle, once[slot] === 1, true);
    }
  }
}
