/** The readiness driver's state of each socket: columns that the socket's number indexes. */

import { growTyped } from '../../base/typed-arrays.js';

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
  writeAddress = new Float64Array(SOCKETS_FIRST);
  writeByteLength = new Float64Array(SOCKETS_FIRST);

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
      length *= 2;
    }
    this.length = length;
    this.flags = growTyped(this.flags, length);
    this.generation = growTyped(this.generation, length);
    this.readKind = growTyped(this.readKind, length);
    this.readSlot = growTyped(this.readSlot, length);
    this.readSlotGeneration = growTyped(this.readSlotGeneration, length);
    this.writeKind = growTyped(this.writeKind, length);
    this.writeSlot = growTyped(this.writeSlot, length);
    this.writeSlotGeneration = growTyped(this.writeSlotGeneration, length);
    this.writeAddress = growTyped(this.writeAddress, length);
    this.writeByteLength = growTyped(this.writeByteLength, length);
  }
}
