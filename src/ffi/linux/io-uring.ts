/** Constants of `linux/io_uring.h`, with the kernel version that introduced them where it matters. */

export const SYS_io_uring_setup = 425;
export const SYS_io_uring_enter = 426;
export const SYS_io_uring_register = 427;

export const IORING_SETUP_CQSIZE = 1 << 3;
export const IORING_SETUP_SUBMIT_ALL = 1 << 7;
/** Kernel 5.19. */
export const IORING_SETUP_COOP_TASKRUN = 1 << 8;
/** Kernel 5.19. */
export const IORING_SETUP_TASKRUN_FLAG = 1 << 9;
/** Kernel 6.0. */
export const IORING_SETUP_SINGLE_ISSUER = 1 << 12;
/** Kernel 6.1. */
export const IORING_SETUP_DEFER_TASKRUN = 1 << 13;
/** Kernel 6.6. */
export const IORING_SETUP_NO_SQARRAY = 1 << 16;

export const IORING_FEAT_SINGLE_MMAP = 1 << 0;
export const IORING_FEAT_NODROP = 1 << 1;
export const IORING_FEAT_SUBMIT_STABLE = 1 << 2;
export const IORING_FEAT_EXT_ARG = 1 << 8;

export const IORING_ENTER_GETEVENTS = 1 << 0;
export const IORING_ENTER_EXT_ARG = 1 << 3;

export const IORING_SQ_CQ_OVERFLOW = 1 << 1;
export const IORING_SQ_TASKRUN = 1 << 2;

export const IORING_REGISTER_EVENTFD = 4;
export const IORING_UNREGISTER_EVENTFD = 5;
export const IORING_REGISTER_PBUF_RING = 22;

/** A completion ring flag that we set: no eventfd notifications. */
export const IORING_CQ_EVENTFD_DISABLED = 1 << 0;

export const IORING_OFF_SQ_RING = 0;
export const IORING_OFF_SQES = 0x1000_0000;

export const IORING_OP_POLL_ADD = 6;
export const IORING_OP_SENDMSG = 9;
export const IORING_OP_NOP = 0;
export const IORING_OP_ACCEPT = 13;
export const IORING_OP_ASYNC_CANCEL = 14;
export const IORING_OP_CONNECT = 16;
export const IORING_OP_SEND = 26;
export const IORING_OP_RECV = 27;

/** In the sqe's len, for IORING_OP_POLL_ADD. */
export const IORING_POLL_ADD_MULTI = 1 << 0;

export const IOSQE_BUFFER_SELECT = 1 << 5;

/** Kernel 5.19, in the sqe's ioprio. */
export const IORING_ACCEPT_MULTISHOT = 1 << 0;
/** Kernel 5.19, in the sqe's ioprio. */
export const IORING_RECVSEND_POLL_FIRST = 1 << 0;
/** Kernel 6.0, in the sqe's ioprio. */
export const IORING_RECV_MULTISHOT = 1 << 1;

export const IORING_CQE_F_BUFFER = 1 << 0;
export const IORING_CQE_F_MORE = 1 << 1;
export const IORING_CQE_BUFFER_SHIFT = 16;
