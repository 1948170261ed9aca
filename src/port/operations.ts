/**
 * Operation slots, which Windows' literature calls per-I/O data. The slot's number identifies an operation to the driver and
 * the kernel. The slot's generation distinguishes a late completion from one for the slot's current operation.
 */

import { assert } from '../base/assert.js';
import { OperationError } from '../base/errors.js';
import { growColumns, grownLength } from '../base/typed-arrays.js';
import type { OverlappedSocket } from './socket.js';

export const OPERATION_KINDS = ['free', 'accept', 'connect', 'receive', 'send', 'shutdown', 'wakeUp'] as const;

export const FREE = 0;
export const ACCEPT = 1;
export const CONNECT = 2;
export const RECEIVE = 3;
export const SEND = 4;
export const SHUTDOWN = 5;
export const WAKE_UP = 6;

/** The kind of operation that a completion belongs to. */
export type OperationKind = 'accept' | 'connect' | 'receive' | 'send' | 'shutdown' | 'wakeUp';

/** The highest `operationsMax`. A slot is never negative: drivers number their own operations with negative numbers. */
export const OPERATIONS_MAX = 2 ** 24;

const OPERATIONS_FIRST = 1024;

/**
 * Sends take the slots below this first, and other operations those above: only slots of sends have memory for what is
 * sent, and of many connections few send at one time.
 */
const SENDS_FIRST = 512;

const OF_ALL = ['kind', 'generation', 'next', 'delayed', 'cancelled', 'failures', 'once'] as const;
const OF_SENDS = [
  'address',
  'byteLength',
  'bytesTaken',
  'borrowed',
  'copyBlock',
  'lastSend',
  'lastWithDriver',
] as const;

export class OperationTable {
  readonly #operationsMax: number;
  #capacity = OPERATIONS_FIRST;
  kind = new Uint8Array(OPERATIONS_FIRST);
  generation = new Int32Array(OPERATIONS_FIRST);
  /** The next free slot, or the next send of the same socket; -1 ends the list. */
  next = new Int32Array(OPERATIONS_FIRST);
  /** 1 while the operation is held back for want of a buffer or a descriptor: the driver does not have it then. */
  delayed = new Uint8Array(OPERATIONS_FIRST);
  /** 1 once the operation was cancelled: it must not be held back or posted again. */
  cancelled = new Uint8Array(OPERATIONS_FIRST);
  /** How often in succession the system has interrupted the operation, or had no memory for it. */
  failures = new Uint8Array(OPERATIONS_FIRST);
  /** Receives: 1 if it may complete only once. */
  once = new Uint8Array(OPERATIONS_FIRST);
  /** Sends: the address of the bytes, their number, and how many of them the driver has taken. */
  address = new Float64Array(SENDS_FIRST);
  byteLength = new Float64Array(SENDS_FIRST);
  bytesTaken = new Float64Array(SENDS_FIRST);
  /** Sends: 1 if some of the bytes are in memory that the program could detach. */
  borrowed = new Uint8Array(SENDS_FIRST);
  /** Sends: the block that contains a copy of the bytes; -1 when there is none. */
  copyBlock = new Int32Array(SENDS_FIRST).fill(-1);
  /**
   * By the first send of a socket: its last send, and its last one that is with the driver; -1 when none is.
   * They are not fields of the socket, as few of very many sockets send at one time.
   */
  lastSend = new Int32Array(SENDS_FIRST);
  lastWithDriver = new Int32Array(SENDS_FIRST);
  /** Sends: the owners of the bytes, which must stay referenced until the send completes. */
  owners: unknown[] = Array.from({ length: SENDS_FIRST }, () => undefined);
  sockets: (OverlappedSocket | undefined)[] = [];
  /** The contexts of operations; empty until one of them has a context. */
  readonly #contexts: unknown[] = [];
  /** The first free slot of those for sends, and of the others. */
  #firstFreeSend = -1;
  #firstFree = -1;
  #inFlight = 0;

  constructor(operationsMax: number) {
    assert(operationsMax > 0);
    assert(operationsMax <= OPERATIONS_MAX);
    this.#operationsMax = operationsMax;
    this.#firstFreeSend = this.#addFree(0, SENDS_FIRST);
    this.#firstFree = this.#addFree(SENDS_FIRST, OPERATIONS_FIRST);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** The context of the operation in `slot`. */
  contextOf(slot: number): unknown {
    return this.#contexts.length === 0 ? undefined : this.#contexts[slot];
  }

  /** Takes a slot for an operation of `socket`. */
  allocate(kind: number, socket: OverlappedSocket, context: unknown): number {
    if (this.#inFlight === this.#operationsMax) {
      throw new OperationError({
        code: 'ENOBUFS',
        reason: `All ${this.#operationsMax} operation slots of the port are in flight (operationsMax)`,
        syscall: 'post',
      });
    }
    const slot = kind === SEND || kind === SHUTDOWN ? this.#takeForSend() : this.#take();
    assert(this.kind[slot] === FREE);
    this.next[slot] = -1;
    this.kind[slot] = kind;
    this.sockets[slot] = socket;
    if (context !== undefined) {
      this.#growContexts();
      this.#contexts[slot] = context;
    }
    this.#inFlight++;
    return slot;
  }

  #growContexts(): void {
    while (this.#contexts.length < this.#capacity) {
      this.#contexts.push(undefined);
    }
  }

  #takeForSend(): number {
    const slot = this.#firstFreeSend;
    if (slot < 0) {
      return this.#takeMoreForSend();
    }
    this.#firstFreeSend = this.next[slot] as number;
    return slot;
  }

  /** More send at one time than have slots of their own: the columns of sends become as long as the others. */
  #takeMoreForSend(): number {
    if (this.#firstFree < 0) {
      this.#grow();
    }
    const slot = this.#firstFree;
    this.#firstFree = this.next[slot] as number;
    if (slot >= this.copyBlock.length) {
      this.#growSends();
    }
    return slot;
  }

  #take(): number {
    if (this.#firstFree < 0) {
      this.#grow();
    }
    const slot = this.#firstFree;
    this.#firstFree = this.next[slot] as number;
    return slot;
  }

  /** Frees the slot of an operation that has ended, and increments its generation. */
  release(slot: number): void {
    assert(this.kind[slot] !== FREE);
    assert(this.#inFlight > 0);
    this.kind[slot] = FREE;
    this.delayed[slot] = 0;
    this.cancelled[slot] = 0;
    this.failures[slot] = 0;
    this.generation[slot] = (this.generation[slot] as number) + 1;
    this.sockets[slot] = undefined;
    if (this.#contexts.length > 0) {
      this.#contexts[slot] = undefined;
    }
    if (slot < this.owners.length) {
      this.owners[slot] = undefined;
    }
    if (slot < SENDS_FIRST) {
      this.next[slot] = this.#firstFreeSend;
      this.#firstFreeSend = slot;
    } else {
      this.next[slot] = this.#firstFree;
      this.#firstFree = slot;
    }
    this.#inFlight--;
  }

  /** Whether the slot's operation is still the one of that generation. */
  isCurrent(slot: number, generation: number): boolean {
    return slot < this.#capacity && this.generation[slot] === generation && this.kind[slot] !== FREE;
  }

  /** Adds slots, in a list of their own; returns the first of them. */
  #addFree(from: number, to: number): number {
    for (let slot = from; slot < to; slot++) {
      this.next[slot] = slot + 1 < to ? slot + 1 : -1;
      // Pushed in order: V8 turns an array that is filled from its end into a dictionary.
      this.sockets.push(undefined);
    }
    // An array that was pushed to has room for half as many entries again.
    this.sockets = this.sockets.slice();
    return from;
  }

  #grow(): void {
    const before = this.#capacity;
    const capacity = grownLength(before);
    this.#capacity = capacity;
    growColumns(this, OF_ALL, capacity);
    this.#firstFree = this.#addFree(before, capacity);
    if (this.#contexts.length > 0) {
      this.#growContexts();
    }
  }

  #growSends(): void {
    const before = this.copyBlock.length;
    growColumns(this, OF_SENDS, this.#capacity);
    this.copyBlock.fill(-1, before);
    while (this.owners.length < this.#capacity) {
      this.owners.push(undefined);
    }
    this.owners = this.owners.slice();
  }
}
