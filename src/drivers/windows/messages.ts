/** WSABUFs, and the form of a gathered send on Windows: an array of WSABUFs after their number. */

import type { Slab } from '../../ffi/memory.js';
import { WSABUF } from '../../ffi/windows/structs.js';
import type { MessageLayout } from '../common/msghdr-blocks.js';
import { type BufferList, GATHER_PIECES_MAX } from '../driver.js';

/** A gathered send in memory. */
export const MESSAGE = { count: 0, wsabufs: 8 } as const;

/**
 * Bytes of one call. A socket that does not block takes all of them while its buffer has room for any ("Design issues:
 * sending small data segments over TCP with Winsock"), and the system holds a copy of what it has taken.
 */
export const CALL_BYTES_MAX = 2 ** 20;

/** Writes a WSABUF at a byte offset. */
export function setWsabuf(slab: Slab, byteOffset: number, address: number, byteLength: number): void {
  slab.u32[(byteOffset + WSABUF.len) >> 2] = byteLength;
  slab.setAddress(byteOffset + WSABUF.buf, address);
}

/** Writes the pieces of a gather as WSABUFs, up to `bytesMax` bytes in all; returns how many there are. */
export function setWsabufs(slab: Slab, byteOffset: number, gather: BufferList, bytesMax: number): number {
  let count = 0;
  for (let left = bytesMax; count < gather.count && left > 0; count++) {
    const byteLength = Math.min(gather.lengths[count] as number, left);
    setWsabuf(slab, byteOffset + count * WSABUF.size, gather.addresses[count] as number, byteLength);
    left -= byteLength;
  }
  return count;
}

export const windowsMessages: MessageLayout = {
  byteLength: MESSAGE.wsabufs + GATHER_PIECES_MAX * WSABUF.size,

  write(block, gather) {
    block.u32[MESSAGE.count >> 2] = setWsabufs(block, MESSAGE.wsabufs, gather, CALL_BYTES_MAX);
  },
};
