/** Holds every struct table of src/ffi against the layout that the C compiler's rules give. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { layoutOf } from '../../src/ffi/library.js';
import * as linux from '../../src/ffi/linux/structs.js';
import * as addresses from '../../src/ffi/sockaddr.js';
import * as windows from '../../src/ffi/windows/structs.js';

type Table = Readonly<Record<string, number>>;
/** Members and their types, for each struct. */
type Declarations = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The members of each struct in order, as their headers declare them; a union is its member that overlapped uses. */
const DECLARATIONS: Declarations = {
  sockaddr_in: { sin_family: 'uint16_t', sin_port: 'uint16_t', sin_addr: 'uint32_t', sin_zero: 'uint8_t[8]' },
  sockaddr_in6: {
    sin6_family: 'uint16_t',
    sin6_port: 'uint16_t',
    sin6_flowinfo: 'uint32_t',
    sin6_addr: 'uint32_t[4]',
    sin6_scope_id: 'uint32_t',
  },
  sockaddr_un: { sun_family: 'uint16_t', sun_path: 'uint8_t[108]' },
  iovec: { iov_base: 'void *', iov_len: 'size_t' },
  msghdr: {
    msg_name: 'void *',
    msg_namelen: 'uint32_t',
    msg_iov: 'void *',
    msg_iovlen: 'size_t',
    msg_control: 'void *',
    msg_controllen: 'size_t',
    msg_flags: 'int',
  },
  linger: { l_onoff: 'int', l_linger: 'int' },
  statx: {
    stx_mask: 'uint32_t[7]',
    stx_mode: 'uint16_t[2]',
    stx_ino: 'uint64_t',
    stx_size: 'uint64_t[11]',
    stx_rdev_major: 'uint32_t[2]',
    stx_dev_major: 'uint32_t',
    stx_dev_minor: 'uint32_t',
    stx_mnt_id: 'uint64_t[14]',
  },
  tcp_info: {
    tcpi_state: 'uint8_t[8]',
    tcpi_rto: 'uint32_t[24]',
    tcpi_pacing_rate: 'uint64_t',
    tcpi_max_pacing_rate: 'uint64_t',
    tcpi_bytes_acked: 'uint64_t',
  },
  pollfd: { fd: 'int', events: 'short', revents: 'short' },
  timeval: { tv_sec: 'long', tv_usec: 'long' },
  timespec: { tv_sec: 'int64_t', tv_nsec: 'long long' },
  epoll_event: { events: 'uint32_t', data: 'uint64_t' },
  io_uring_params: {
    sq_entries: 'uint32_t',
    cq_entries: 'uint32_t',
    flags: 'uint32_t',
    sq_thread_cpu: 'uint32_t',
    sq_thread_idle: 'uint32_t',
    features: 'uint32_t',
    wq_fd: 'uint32_t',
    resv: 'uint32_t[3]',
    sq_off: `uint64_t[${linux.io_sqring_offsets.size / 8}]`,
    cq_off: `uint64_t[${linux.io_cqring_offsets.size / 8}]`,
  },
  io_sqring_offsets: {
    head: 'uint32_t',
    tail: 'uint32_t',
    ring_mask: 'uint32_t',
    ring_entries: 'uint32_t',
    flags: 'uint32_t',
    dropped: 'uint32_t',
    array: 'uint32_t',
    resv1: 'uint32_t',
    user_addr: 'uint64_t',
  },
  io_cqring_offsets: {
    head: 'uint32_t',
    tail: 'uint32_t',
    ring_mask: 'uint32_t',
    ring_entries: 'uint32_t',
    overflow: 'uint32_t',
    cqes: 'uint32_t',
    flags: 'uint32_t',
    resv1: 'uint32_t',
    user_addr: 'uint64_t',
  },
  io_uring_sqe: {
    opcode: 'uint8_t',
    flags: 'uint8_t',
    ioprio: 'uint16_t',
    fd: 'int32_t',
    off: 'uint64_t',
    addr: 'uint64_t',
    len: 'uint32_t',
    msg_flags: 'uint32_t',
    user_data: 'uint64_t',
    buf_group: 'uint16_t',
    personality: 'uint16_t',
    optlen: 'uint32_t',
    addr3: 'uint64_t',
    __pad2: 'uint64_t',
  },
  io_uring_cqe: { user_data: 'uint64_t', res: 'int32_t', flags: 'uint32_t' },
  io_uring_buf: { addr: 'uint64_t', len: 'uint32_t', bid: 'uint16_t', resv: 'uint16_t' },
  io_uring_buf_reg: {
    ring_addr: 'uint64_t',
    ring_entries: 'uint32_t',
    bgid: 'uint16_t',
    flags: 'uint16_t',
    resv: 'uint64_t[3]',
  },
  iocb: {
    aio_data: 'uint64_t',
    aio_key: 'uint32_t',
    aio_rw_flags: 'uint32_t',
    aio_lio_opcode: 'uint16_t',
    aio_reqprio: 'int16_t',
    aio_fildes: 'uint32_t',
    aio_buf: 'uint64_t',
    aio_nbytes: 'uint64_t',
    aio_offset: 'int64_t',
    aio_reserved2: 'uint64_t',
    aio_flags: 'uint32_t',
    aio_resfd: 'uint32_t',
  },
  io_event: { data: 'uint64_t', obj: 'uint64_t', res: 'int64_t', res2: 'int64_t' },
  aio_ring: {
    id: 'uint32_t',
    nr: 'uint32_t',
    head: 'uint32_t',
    tail: 'uint32_t',
    magic: 'uint32_t',
    compat_features: 'uint32_t',
    incompat_features: 'uint32_t',
    header_length: 'uint32_t',
  },
  io_uring_getevents_arg: { sigmask: 'uint64_t', sigmask_sz: 'uint32_t', min_wait_usec: 'uint32_t', ts: 'uint64_t' },
};

/** Only the kernel's EPOLL_PACKED packs a struct, on x86-64. */
const PACKED: ReadonlySet<string> = new Set(process.arch === 'x64' ? ['epoll_event'] : []);

/** From Windows' headers (minwinbase.h, ws2def.h, winsock2.h), where a long has 32 bits. */
const WINDOWS_DECLARATIONS: Declarations = {
  OVERLAPPED: {
    Internal: 'uint64_t',
    InternalHigh: 'uint64_t',
    Offset: 'uint32_t',
    OffsetHigh: 'uint32_t',
    hEvent: 'uint64_t',
  },
  OVERLAPPED_ENTRY: {
    lpCompletionKey: 'uint64_t',
    lpOverlapped: 'uint64_t',
    Internal: 'uint64_t',
    dwNumberOfBytesTransferred: 'uint32_t',
  },
  WSABUF: { len: 'uint32_t', buf: 'uint64_t' },
  linger: { l_onoff: 'uint16_t', l_linger: 'uint16_t' },
  timeval: { tv_sec: 'int32_t', tv_usec: 'int32_t' },
  tcp_keepalive: { onoff: 'uint32_t', keepalivetime: 'uint32_t', keepaliveinterval: 'uint32_t' },
  fd_set: { fd_count: 'uint32_t', fd_array: 'uint64_t' },
};

/** Sizes that the kernel's interface fixes, whatever a compiler computes. */
const KNOWN_SIZES: Readonly<Record<string, number>> = {
  OVERLAPPED: 32,
  OVERLAPPED_ENTRY: 32,
  WSABUF: 16,
  sockaddr_in: 16,
  sockaddr_in6: 28,
  sockaddr_un: 110,
  iocb: 64,
  io_event: 32,
  io_uring_params: 120,
  io_uring_sqe: 64,
  io_uring_cqe: 16,
  io_uring_buf: 16,
  io_uring_buf_reg: 40,
  epoll_event: process.arch === 'x64' ? 12 : 16,
};

holds('Linux and addresses', { ...linux, ...addresses }, DECLARATIONS);
holds('Windows', windows, WINDOWS_DECLARATIONS);

function holds(system: string, tables: Readonly<Record<string, Table>>, declarations: Declarations): void {
  describe(`struct tables of ${system}`, () => {
    test('each table has a declaration, and each declaration a table', () => {
      assert.deepEqual(Object.keys(tables).sort(), Object.keys(declarations).sort());
    });

    for (const [name, fields] of Object.entries(declarations)) {
      test(`${name} has the offsets and the size of its C declaration`, () => {
        const { size, offsets } = layoutOf(fields, PACKED.has(name));
        assert.deepEqual(tables[name], { ...offsets, size });
        assert.equal(size, KNOWN_SIZES[name] ?? size);
      });
    }
  });
}
