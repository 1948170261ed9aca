/** A completion entry as words of `struct io_uring_cqe`. */

import { io_uring_cqe } from '../../ffi/linux/structs.js';
import { HIGH_WORD } from '../../ffi/memory.js';

/** Words from one entry to the next. */
export const CQE_WORDS = io_uring_cqe.size >> 2;
/** The operation's slot: `user_data` is what its submission entry had. */
export const CQE_SLOT = io_uring_cqe.user_data >> 2;
export const CQE_GENERATION = CQE_SLOT + HIGH_WORD;
export const CQE_RES = io_uring_cqe.res >> 2;
export const CQE_FLAGS = io_uring_cqe.flags >> 2;
