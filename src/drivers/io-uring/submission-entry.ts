/** A submission entry as words of `struct io_uring_sqe`. A field that is not set here is zero. */

import { IOSQE_BUFFER_SELECT } from '../../ffi/linux/io-uring.js';
import { io_uring_sqe } from '../../ffi/linux/structs.js';
import { HIGH_WORD } from '../../ffi/memory.js';

/** Words from one entry to the next. */
export const SQE_WORDS = io_uring_sqe.size >> 2;
/** The first word has the opcode, the flags and `ioprio`. */
export const SQE_OPCODE = io_uring_sqe.opcode >> 2;
const SQE_FLAGS_SHIFT = 8 * io_uring_sqe.flags;
const SQE_IOPRIO_SHIFT = 8 * io_uring_sqe.ioprio;
const SQE_FD = io_uring_sqe.fd >> 2;
export const SQE_OFF = io_uring_sqe.off >> 2;
export const SQE_ADDR = io_uring_sqe.addr >> 2;
export const SQE_ADDR_HIGH = SQE_ADDR + HIGH_WORD;
const SQE_LEN = io_uring_sqe.len >> 2;
const SQE_MSG_FLAGS = io_uring_sqe.msg_flags >> 2;
export const SQE_USER_DATA = io_uring_sqe.user_data >> 2;
export const SQE_USER_DATA_HIGH = SQE_USER_DATA + HIGH_WORD;
/** With `personality`, which is zero. */
const SQE_BUF_GROUP = io_uring_sqe.buf_group >> 2;
const SQE_OPTLEN = io_uring_sqe.optlen >> 2;
const SQE_ADDR3 = io_uring_sqe.addr3 >> 2;
const SQE_PAD2 = io_uring_sqe.__pad2 >> 2;

/** The fields of an entry, in the order in which `fillEntry` takes them after its place. */
export type EntryFields = [
  opcode: number,
  socket: number,
  ioprio: number,
  address: number,
  byteLength: number,
  opFlags: number,
  slot: number,
  generation: number,
];

/** Fills the entry that begins at `word`. Its `user_data` is the operation's slot and generation. */
export function fillEntry(
  sqes: Int32Array,
  word: number,
  opcode: number,
  socket: number,
  ioprio: number,
  address: number,
  byteLength: number,
  opFlags: number,
  slot: number,
  generation: number,
): void {
  sqes[word + SQE_OPCODE] = opcode | (ioprio << SQE_IOPRIO_SHIFT);
  sqes[word + SQE_FD] = socket;
  sqes[word + SQE_OFF] = 0;
  sqes[word + SQE_OFF + HIGH_WORD] = 0;
  sqes[word + SQE_ADDR] = address;
  sqes[word + SQE_ADDR_HIGH] = address / 0x1_0000_0000;
  sqes[word + SQE_LEN] = byteLength;
  sqes[word + SQE_MSG_FLAGS] = opFlags;
  sqes[word + SQE_USER_DATA] = slot;
  sqes[word + SQE_USER_DATA_HIGH] = generation;
  sqes[word + SQE_BUF_GROUP] = 0;
  sqes[word + SQE_OPTLEN] = 0;
  sqes[word + SQE_ADDR3] = 0;
  sqes[word + SQE_ADDR3 + HIGH_WORD] = 0;
  sqes[word + SQE_PAD2] = 0;
  sqes[word + SQE_PAD2 + HIGH_WORD] = 0;
}

/**
 * Has the receive at `word` take its buffers from a group.
 * @param bytesMax of a multishot receive, which ends there (kernel 6.17); 0 for no limit
 */
export function selectBuffer(sqes: Int32Array, word: number, group: number, bytesMax: number): void {
  sqes[word + SQE_OPCODE] = (sqes[word + SQE_OPCODE] as number) | (IOSQE_BUFFER_SELECT << SQE_FLAGS_SHIFT);
  sqes[word + SQE_BUF_GROUP] = group;
  sqes[word + SQE_OPTLEN] = bytesMax;
}
