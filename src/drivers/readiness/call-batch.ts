/**
 * Receives and sends that are made together: calls that follow each other closely find their code in the processor's
 * cache, and a system that takes many at once is entered once for all.
 */

import { assert } from '../../base/assert.js';
import type { Slab } from '../../ffi/memory.js';

/** Kinds of call. */
export const RECEIVE_CALL = 0;
export const SEND_CALL = 1;
export const SEND_MESSAGE_CALL = 2;

/** The calls that can be in a batch. Each returns bytes, or the system's error number, negated. */
export interface TransferCalls {
  receive(socket: number, address: number, byteLength: number): number;
  send(socket: number, address: number, byteLength: number): number;
  sendMessage(socket: number, message: Slab): number;
}

/** Calls in the order in which they are to be made, a column for each of their properties, and what they gave. */
export class CallBatch {
  readonly kinds: Uint8Array;
  readonly sockets: Int32Array;
  /** Of the bytes of a receive or a send, and how many there are, or may be. */
  readonly addresses: Float64Array;
  readonly byteLengths: Float64Array;
  /** Of sends that are messages; what others have here is of earlier batches. */
  readonly messages: (Slab | undefined)[];
  /** What each call gave, once made. */
  readonly results: Int32Array;
  length = 0;

  /** @param most calls in it */
  constructor(most: number) {
    this.kinds = new Uint8Array(most);
    this.sockets = new Int32Array(most);
    this.addresses = new Float64Array(most);
    this.byteLengths = new Float64Array(most);
    this.messages = new Array<Slab | undefined>(most).fill(undefined);
    this.results = new Int32Array(most);
  }

  /** Adds a receive or a send; returns its number. */
  add(kind: number, socket: number, address: number, byteLength: number): number {
    const index = this.length++;
    assert(index < this.kinds.length);
    this.kinds[index] = kind;
    this.sockets[index] = socket;
    this.addresses[index] = address;
    this.byteLengths[index] = byteLength;
    return index;
  }

  /** Adds the send of a message, which stays as it is until the batch has been made. */
  addMessage(socket: number, message: Slab): number {
    const index = this.add(SEND_MESSAGE_CALL, socket, 0, 0);
    this.messages[index] = message;
    return index;
  }

  /** Makes one of the calls. */
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

  /** Makes them one after the other. */
  makeAll(calls: TransferCalls): void {
    for (let index = 0; index < this.length; index++) {
      this.makeOne(calls, index);
    }
  }
}
