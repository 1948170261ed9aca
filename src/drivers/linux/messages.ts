/** The form of a gathered send on Linux: a msghdr with its iovecs. */

import { assert } from '../../base/assert.js';
import { iovec, msghdr } from '../../ffi/linux/structs.js';
import type { MessageLayout } from '../common/msghdr-blocks.js';
import { GATHER_PIECES_MAX } from '../driver.js';

/** After the msghdr. */
const IOVECS_OFFSET = 64;
assert(IOVECS_OFFSET >= msghdr.size);

export const linuxMessages: MessageLayout = {
  byteLength: IOVECS_OFFSET + GATHER_PIECES_MAX * iovec.size,

  write(block, pieces) {
    for (let index = 0; index < pieces.count; index++) {
      const offset = IOVECS_OFFSET + index * iovec.size;
      block.setAddress(offset + iovec.iov_base, pieces.addresses[index] as number);
      block.setAddress(offset + iovec.iov_len, pieces.lengths[index] as number);
    }
    block.setAddress(msghdr.msg_iov, block.address + IOVECS_OFFSET);
    block.setAddress(msghdr.msg_iovlen, pieces.count);
  },
};
