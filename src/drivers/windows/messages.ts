/** Gathered sends as Windows has them: an array of WSABUFs, with their number in front of it. */

import { WSABUF } from '../../ffi/windows/structs.js';
import { GATHER_PIECES_MAX } from '../driver.js';
import type { MessageLayout } from '../message-blocks.js';

export const WSABUFS_OFFSET = 8;

/**
 * Bytes of one call. A socket that does not block takes all of them while its buffer has room for any ("Design issues:
 * sending small data segments over TCP with Winsock"), and the system holds a copy of what it has taken.
 */
export const SEND_BYTES_MAX = 2 ** 20;

export const windowsMessages: MessageLayout = {
  byteLength: WSABUFS_OFFSET + GATHER_PIECES_MAX * WSABUF.size,

  write(block, gather) {
    let count = 0;
    for (let left = SEND_BYTES_MAX; count < gather.count && left > 0; count++) {
      const byteLength = Math.min(gather.lengths[count] as number, left);
      const offset = WSABUFS_OFFSET + count * WSABUF.size;
      block.u32[(offset + WSABUF.len) >> 2] = byteLength;
      block.setAddress(offset + WSABUF.buf, gather.addresses[count] as number);
      left -= byteLength;
    }
    block.u32[0] = count;
  },
};
