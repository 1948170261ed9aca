/**
 * Operation slots, which Windows' literature calls per-I/O data. The slot's number identifies an operation to the driver and
 * the kernel. The slot's generation distinguishes a late completion from one for the slot's current operation.
 */

import { assert } from '../base/assert.js';
import { OperationError } from '../base/errors.js';
import { growTyped } from '../base/typed-arrays.js';
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

const OPERATIONS_FIRST = 256;

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
  address = new Float64Array(OPERATIONS_FIRST);
  byteLength = new Float64Array(OPERATIONS_FIRST);
  bytesTaken = new Float64Array(OPERATIONS_FIRST);
  /** Sends: 1 if some of the bytes are in memory that the program could detach. */
  borrowed = new Uint8Array(OPERATIONS_FIRST);
  /** Sends: the block that contains a copy of the bytes; -1 when there is none. */
  copyBlock = new Int32Array(OPERATIONS_FIRST);
  readonly sockets: (OverlappedSocket | undefined)[] = [];
  readonly contexts: unknown[] = [];
  /** Sends: the owners of the bytes, which must stay referenced until the send completes. */
  readonly owners: unknown[] = [];
  #firstFree = -1;
  #inFlight = 0;

  constructor(operationsMax: number) {
    assert(operationsMax > 0);
    assert(operationsMax <= OPERATIONS_MAX);
    this.#operationsMax = operationsMax;
    this.#addFree(0, OPERATIONS_FIRST);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Takes a slot for an operation of `socket`. */
  allocate(kind: number, socket: OverlappedSocket, context: unknown): number {
    if (this.#firstFree < 0) {
      this.#grow();
    }
    const slot = this.#firstFree;
    assert(this.kind[slot] === FREE);
    this.#firstFree = this.next[slot] as number;
    this.next[slot] = -1;
    this.kind[slot] = kind;
    this.sockets[slot] = socket;
    this.contexts[slot] = context;
    this.#inFlight++;
    socket.operationsInFlight++;
    return slot;
  }

  /** Frees the slot of an operation that has ended, and increments its generation. */
  release(slot: number): void {
    assert(this.kind[slot] !== FREE);
    const socket = this.sockets[slot] as OverlappedSocket;
    assert(this.#inFlight > 0);
    assert(socket.operationsInFlight > 0);
    this.kind[slot] = FREE;
    this.delayed[slot] = 0;
    this.cancelled[slot] = 0;
    this.failures[slot] = 0;
    this.generation[slot] = (this.generation[slot] as number) + 1;
    this.sockets[slot] = undefined;
    this.contexts[slot] = undefined;
    this.owners[slot] = undefined;
    this.next[slot] = this.#firstFree;
    this.#firstFree = slot;
    this.#inFlight--;
    socket.operationsInFlight--;
  }

  /** Whether the slot's operation is still the one of that generation. */
  isCurrent(slot: number, generation: number): boolean {
    return slot < this.#capacity && this.generation[slot] === generation && this.kind[slot] !== FREE;
  }

  #addFree(from: number, to: number): void {
    for (let slot = from; slot < to; slot++) {
      this.next[slot] = slot + 1 < to ? slot + 1 : this.#firstFree;
      this.copyBlock[slot] = -1;
      // Pushed in order: V8 turns an array that is filled from its end into a dictionary.
      this.sockets.push(undefined);
      this.contexts.push(undefined);
      this.owners.push(undefined);
    }
    this.#firstFree = from;
  }

  #grow(): void {
    const before = this.#capacity;
    const capacity = Math.min(2 * before, this.#operationsMax);
    if (capacity <= before) {
      throw new OperationError({
        code: 'ENOBUFS',
        reason: `All ${this.#operationsMax} operation slots of the port are in flight (operationsMax)`,
        syscall: 'post',
      });
    }
    this.#capacity = capacity;
    this.kind = growTyped(this.kind, capacity);
    this.generation = growTyped(this.generation, capacity);
    this.next = growTyped(this.next, capacity);
    this.delayed = growTyped(this.delayed, capacity);
    this.cancelled = growTyped(this.cancelled, capacity);
    this.failures = growTyped(this.failures, capacity);
    this.once = growTyped(this.once, capacity);
    this.address = growTyped(this.address, capacity);
    this.byteLength = growTyped(this.byteLength, capacity);
    this.bytesTaken = growTyped(this.bytesTaken, capacity);
    this.borrowed = growTyped(this.borrowed, capacity);
    this.copyBlock = growTyped(this.copyBlock, capacity);
    this.#addFree(before, capacity);
  }
}
