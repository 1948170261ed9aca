/**
 * Offsets of Linux's structs, each with its C declaration. The layout test compares every table with the C compiler's
 * rules. Sizes and offsets are in bytes, for 64-bit systems.
 */

import { process } from '../../base/runtime.js';

/** `struct iovec { void *iov_base; size_t iov_len; }` */
export const iovec = { iov_base: 0, iov_len: 8, size: 16 } as const;

/**
 * `struct msghdr { void *msg_name; socklen_t msg_namelen; struct iovec *msg_iov; size_t msg_iovlen;
 * void *msg_control; size_t msg_controllen; int msg_flags; }`
 */
export const msghdr = {
  msg_name: 0,
  msg_namelen: 8,
  msg_iov: 16,
  msg_iovlen: 24,
  msg_control: 32,
  msg_controllen: 40,
  msg_flags: 48,
  size: 56,
} as const;

/** `struct linger { int l_onoff; int l_linger; }` */
export const linger = { l_onoff: 0, l_linger: 4, size: 8 } as const;

/**
 * `struct statx { __u32 stx_mask, ...; __u16 stx_mode, ...; __u64 stx_ino, stx_size, ...; __u32 stx_rdev_major, ...,
 * stx_dev_major, stx_dev_minor; ... }`: other members are left out.
 */
export const statx = {
  stx_mask: 0,
  stx_mode: 28,
  stx_ino: 32,
  stx_size: 40,
  stx_rdev_major: 128,
  stx_dev_major: 136,
  stx_dev_minor: 140,
  stx_mnt_id: 144,
  size: 256,
} as const;

/**
 * `struct tcp_info { __u8 tcpi_state, ...; __u32 tcpi_rto, ...; __u64 tcpi_pacing_rate, tcpi_max_pacing_rate,
 * tcpi_bytes_acked; ... }`: eight bytes, 24 words, and the first 64-bit members. Newer kernels have more members, and
 * write as many bytes as the caller asks for.
 */
export const tcp_info = {
  tcpi_state: 0,
  tcpi_rto: 8,
  tcpi_pacing_rate: 104,
  tcpi_max_pacing_rate: 112,
  tcpi_bytes_acked: 120,
  size: 128,
} as const;

/** `struct pollfd { int fd; short events; short revents; }` */
export const pollfd = { fd: 0, events: 4, revents: 6, size: 8 } as const;

/** `struct timeval { time_t tv_sec; suseconds_t tv_usec; }` */
export const timeval = { tv_sec: 0, tv_usec: 8, size: 16 } as const;

/** `struct __kernel_timespec { int64_t tv_sec; long long tv_nsec; }` */
export const timespec = { tv_sec: 0, tv_nsec: 8, size: 16 } as const;

/**
 * `struct epoll_event { uint32_t events; epoll_data_t data; }`, packed on x86-64 only (the kernel's
 * EPOLL_PACKED in eventpoll.h), so that 32- and 64-bit programs share it there.
 */
export const epoll_event =
  process.arch === 'x64' ? ({ events: 0, data: 4, size: 12 } as const) : ({ events: 0, data: 8, size: 16 } as const);

/**
 * `struct io_uring_params { __u32 sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd,
 * resv[3]; struct io_sqring_offsets sq_off; struct io_cqring_offsets cq_off; }`
 */
export const io_uring_params = {
  sq_entries: 0,
  cq_entries: 4,
  flags: 8,
  sq_thread_cpu: 12,
  sq_thread_idle: 16,
  features: 20,
  wq_fd: 24,
  resv: 28,
  sq_off: 40,
  cq_off: 80,
  size: 120,
} as const;

/**
 * `struct io_sqring_offsets { __u32 head, tail, ring_mask, ring_entries, flags, dropped, array, resv1; __u64 user_addr;
 * }`
 */
export const io_sqring_offsets = {
  head: 0,
  tail: 4,
  ring_mask: 8,
  ring_entries: 12,
  flags: 16,
  dropped: 20,
  array: 24,
  resv1: 28,
  user_addr: 32,
  size: 40,
} as const;

/**
 * `struct io_cqring_offsets { __u32 head, tail, ring_mask, ring_entries, overflow, cqes, flags, resv1; __u64 user_addr;
 * }`
 */
export const io_cqring_offsets = {
  head: 0,
  tail: 4,
  ring_mask: 8,
  ring_entries: 12,
  overflow: 16,
  cqes: 20,
  flags: 24,
  resv1: 28,
  user_addr: 32,
  size: 40,
} as const;

/**
 * `struct io_uring_sqe { __u8 opcode, flags; __u16 ioprio; __s32 fd; __u64 off; __u64 addr; __u32 len;
 * __u32 msg_flags; __u64 user_data; __u16 buf_group; __u16 personality; __u32 optlen; __u64 addr3, __pad2; }`,
 * the unions by the member that overlapped uses.
 */
export const io_uring_sqe = {
  opcode: 0,
  flags: 1,
  ioprio: 2,
  fd: 4,
  off: 8,
  addr: 16,
  len: 24,
  msg_flags: 28,
  user_data: 32,
  buf_group: 40,
  personality: 42,
  optlen: 44,
  addr3: 48,
  __pad2: 56,
  size: 64,
} as const;

/** `struct io_uring_cqe { __u64 user_data; __s32 res; __u32 flags; }` */
export const io_uring_cqe = { user_data: 0, res: 8, flags: 12, size: 16 } as const;

/**
 * `struct io_uring_buf { __u64 addr; __u32 len; __u16 bid; __u16 resv; }`; the ring's tail is the first entry's resv.
 */
export const io_uring_buf = { addr: 0, len: 8, bid: 12, resv: 14, size: 16 } as const;

/** `struct io_uring_buf_reg { __u64 ring_addr; __u32 ring_entries; __u16 bgid; __u16 flags; __u64 resv[3]; }` */
export const io_uring_buf_reg = { ring_addr: 0, ring_entries: 8, bgid: 12, flags: 14, resv: 16, size: 40 } as const;

/** `struct io_uring_getevents_arg { __u64 sigmask; __u32 sigmask_sz; __u32 min_wait_usec; __u64 ts; }` */
export const io_uring_getevents_arg = { sigmask: 0, sigmask_sz: 8, min_wait_usec: 12, ts: 16, size: 24 } as const;

/**
 * `struct iocb { __u64 aio_data; __u32 aio_key; __kernel_rwf_t aio_rw_flags; __u16 aio_lio_opcode; __s16 aio_reqprio;
 * __u32 aio_fildes; __u64 aio_buf, aio_nbytes; __s64 aio_offset; __u64 aio_reserved2; __u32 aio_flags, aio_resfd; }`,
 * in the order of little-endian systems.
 */
export const iocb = {
  aio_data: 0,
  aio_key: 8,
  aio_rw_flags: 12,
  aio_lio_opcode: 16,
  aio_reqprio: 18,
  aio_fildes: 20,
  aio_buf: 24,
  aio_nbytes: 32,
  aio_offset: 40,
  aio_reserved2: 48,
  aio_flags: 56,
  aio_resfd: 60,
  size: 64,
} as const;

/** `struct io_event { __u64 data, obj; __s64 res, res2; }` */
export const io_event = { data: 0, obj: 8, res: 16, res2: 24, size: 32 } as const;

/**
 * `struct aio_ring { unsigned id, nr, head, tail, magic, compat_features, incompat_features, header_length;
 * struct io_event io_events[]; }` of the kernel's `fs/aio.c`
 */
export const aio_ring = {
  id: 0,
  nr: 4,
  head: 8,
  tail: 12,
  magic: 16,
  compat_features: 20,
  incompat_features: 24,
  header_length: 28,
  size: 32,
} as const;
