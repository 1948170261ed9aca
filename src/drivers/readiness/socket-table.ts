/**
 * The readiness driver's state of each socket: columns that the socket's number indexes. The bytes to send are columns that
 * the operation's slot indexes, because few of very many sockets send at one time, and their slots are low.
 */

import { growColumns, grownLength } from '../../base/typed-arrays.js';

/** Flags of a socket. */
export const READABLE = 1;
export const WRITABLE = 2;
export const READ_QUEUED = 4;
export const WRITE_QUEUED = 8;
export const READ_CANCELLED = 16;
export const WRITE_CANCELLED = 32;
export const HANGUP = 64;
export const WATCHED = 128;
/**
 * A short read does not prove that the socket is empty: on a Unix-domain socket a read stops after bytes that came with
 * a descriptor.
 */
export const READS_SHORT = 256;
/** The memory of the send is borrowed. */
export const BORROWED = 512;

/** Kinds of the operation on a socket's reading or writing side. */
export const IDLE = 0;
export const ACCEPT = 1;
export const RECEIVE = 2;
export const CONNECT = 3;
export const CONNECTING = 4;
export const SEND = 5;
export const SEND_GATHER = 6;

const SOCKETS_FIRST = 256;
const SENDS_FIRST = 512;

const OF_SOCKETS = [
  'flags',
  'generation',
  'readKind',
  'readSlot',
  'readSlotGeneration',
  'writeKind',
  'writeSlot',
  'writeSlotGeneration',
] as const;
const OF_SENDS = ['sendAddress', 'sendByteLength'] as const;

export class SocketTable {
  length = SOCKETS_FIRST;
  flags = new Uint16Array(SOCKETS_FIRST);
  /** How often the number was reused, so that an event for an earlier socket is recognized. */
  generation = new Int32Array(SOCKETS_FIRST);
  readKind = new Uint8Array(SOCKETS_FIRST);
  readSlot = new Int32Array(SOCKETS_FIRST);
  readSlotGeneration = new Int32Array(SOCKETS_FIRST);
  writeKind = new Uint8Array(SOCKETS_FIRST);
  writeSlot = new Int32Array(SOCKETS_FIRST);
  writeSlotGeneration = new Int32Array(SOCKETS_FIRST);
  /** By slot: the memory of a send that is one piece. */
  sendAddress = new Float64Array(SENDS_FIRST);
  sendByteLength = new Float64Array(SENDS_FIRST);

  /** Drops every operation. */
  abandon(): void {
    this.readKind.fill(IDLE);
    this.writeKind.fill(IDLE);
  }

  /** Ensures room for a socket's number. */
  reach(socket: number): void {
    if (socket < this.length) {
      return;
    }
    let length = this.length;
    while (length <= socket) {
      length = grownLength(length);
    }
    this.length = length;
    growColumns(this, OF_SOCKETS, length);
  }

  /** Keeps the memory of the send in `slot`. */
  setSend(slot: number, address: number, byteLength: number): void {
    if (slot >= this.sendAddress.length) {
      this.#reachSlot(slot);
    }
    this.sendAddress[slot] = address;
    this.sendByteLength[slot] = byteLength;
  }

  #reachSlot(slot: number): void {
    let { length } = this.sendAddress;
    while (length <= slot) {
      length = grownLength(length);
    }
    growColumns(this, OF_SENDS, length);
  }
}
