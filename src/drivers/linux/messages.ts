/** Gathered sends as Linux has them: a msghdr with its iovecs. */

import { iovec, msghdr } from '../../ffi/linux/structs.js';
import type { MessageLayout } from '../common/msghdr-blocks.js';
import { GATHER_PIECES_MAX } from '../driver.js';

const IOVECS_OFFSET = 64;

export const linuxMessages: MessageLayout = {
  byteLength: IOVECS_OFFSET + GATHER_PIECES_MAX * iovec.size,

  write(block, gather) {
    for (let index = 0; index < gather.count; index++) {
      const offset = IOVECS_OFFSET + index * iovec.size;
      block.setAddress(offset + iovec.iov_base, gather.addresses[index] as number);
      block.setAddress(offset + iovec.iov_len, gather.lengths[index] as number);
    }
    block.setAddress(msghdr.msg_iov, block.address + IOVECS_OFFSET);
    block.setAddress(msghdr.msg_iovlen, gather.count);
  },
};
