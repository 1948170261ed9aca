/** WSABUFs, and the form of a gathered send on Windows: an array of WSABUFs after their number. */

import type { Slab } from '../../ffi/memory.js';
import { WSABUF } from '../../ffi/windows/structs.js';
import type { MessageLayout } from '../common/msghdr-blocks.js';
import { type BufferList, GATHER_PIECES_MAX } from '../driver.js';

/** A gathered send in memory. */
export const MESSAGE = { count: 0, wsabufs: 8 } as const;

/**
 * Maximum bytes of one call. A non-blocking socket accepts all bytes as long as its buffer has room for any ("Design
 * issues: sending small data segments over TCP with Winsock"), and the system keeps a copy of them.
 */
export const CALL_BYTES_MAX = 2 ** 20;

/** Writes a WSABUF at a byte offset. */
export function setWsabuf(slab: Slab, byteOffset: number, address: number, byteLength: number): void {
  slab.u32[(byteOffset + WSABUF.len) >> 2] = byteLength;
  slab.setAddress(byteOffset + WSABUF.buf, address);
}

/** Writes the pieces of a gathered send as WSABUFs, up to `bytesMax` bytes in total; returns the number of WSABUFs. */
export function setWsabufs(slab: Slab, byteOffset: number, pieces: BufferList, bytesMax: number): number {
  let count = 0;
  for (let left = bytesMax; count < pieces.count && left > 0; count++) {
    const byteLength = Math.min(pieces.lengths[count] as number, left);
    setWsabuf(slab, byteOffset + count * WSABUF.size, pieces.addresses[count] as number, byteLength);
    left -= byteLength;
  }
  return count;
}

export const windowsMessages: MessageLayout = {
  byteLength: MESSAGE.wsabufs + GATHER_PIECES_MAX * WSABUF.size,

  write(block, pieces) {
    block.u32[MESSAGE.count >> 2] = setWsabufs(block, MESSAGE.wsabufs, pieces, CALL_BYTES_MAX);
  },
};
