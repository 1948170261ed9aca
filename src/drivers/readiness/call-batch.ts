/**
 * A batch of receives and sends. Calls that follow each other closely find their code in the processor's cache, and a
 * system that accepts many calls at once is entered only once.
 */

import { assert } from '../../base/assert.js';
import type { Slab } from '../../ffi/memory.js';

/** Kinds of call. */
export const RECEIVE_CALL = 0;
export const SEND_CALL = 1;
export const SEND_MESSAGE_CALL = 2;

/** The calls that a batch can have. Each returns a number of bytes, or the system's error number, negated. */
export interface TransferCalls {
  receive(socket: number, address: number, byteLength: number): number;
  send(socket: number, address: number, byteLength: number): number;
  sendMessage(socket: number, message: Slab): number;
}

/** Calls in their order, with a column for each property and one for the results. */
export class CallBatch {
  readonly kinds: Uint8Array;
  readonly sockets: Int32Array;
  /** The memory of a receive or a send. */
  readonly addresses: Float64Array;
  readonly byteLengths: Float64Array;
  /** Messages of gathered sends. Other calls have leftovers of earlier batches here. */
  readonly messages: (Slab | undefined)[];
  /** Result of each call, once it is made. */
  readonly results: Int32Array;
  length = 0;

  constructor(callsMax: number) {
    this.kinds = new Uint8Array(callsMax);
    this.sockets = new Int32Array(callsMax);
    this.addresses = new Float64Array(callsMax);
    this.byteLengths = new Float64Array(callsMax);
    this.messages = new Array<Slab | undefined>(callsMax).fill(undefined);
    this.results = new Int32Array(callsMax);
  }

  /** Adds a receive or a send; returns its index. */
  add(kind: number, socket: number, address: number, byteLength: number): number {
    const index = this.length++;
    assert(index < this.kinds.length);
    this.kinds[index] = kind;
    this.sockets[index] = socket;
    this.addresses[index] = address;
    this.byteLengths[index] = byteLength;
    return index;
  }

  /** Adds a gathered send, whose message must not change until the batch is made. */
  addMessage(socket: number, message: Slab): number {
    const index = this.add(SEND_MESSAGE_CALL, socket, 0, 0);
    this.messages[index] = message;
    return index;
  }

  /** Makes one call. */
  makeOne(calls: TransferCalls, index: number): void {
    const socket = this.sockets[index] as number;
    const address = this.addresses[index] as number;
    const byteLength = this.byteLengths[index] as number;
    switch (this.kinds[index]) {
      case RECEIVE_CALL:
        this.results[index] = calls.receive(socket, address, byteLength);
        break;
      case SEND_CALL:
        this.results[index] = calls.send(socket, address, byteLength);
        break;
      default:
        this.results[index] = calls.sendMessage(socket, this.messages[index] as Slab);
    }
  }

  /** Makes all calls, one after the other. */
  makeAll(calls: TransferCalls): void {
    for (let index = 0; index < this.length; index++) {
      this.makeOne(calls, index);
    }
  }
}
