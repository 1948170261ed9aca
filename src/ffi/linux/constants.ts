/** Constants of Linux's headers, with the values of x64 and arm64. */

import { process } from '../../base/runtime.js';

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

export const SOCK_STREAM = 1;
export const SOCK_NONBLOCK = 0x800;
export const SOCK_CLOEXEC = 0x80000;

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_KEEPALIVE = 9;
export const SO_OOBINLINE = 10;
export const SO_LINGER = 13;
export const SO_REUSEPORT = 15;
export const SO_RCVLOWAT = 18;
export const SO_RCVTIMEO = 20;
export const SO_PEERNAME = 28;

export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;
/** Seconds of silence before the first probe, seconds between probes, and how many of them. */
export const TCP_KEEPIDLE = 4;
export const TCP_KEEPINTVL = 5;
export const TCP_KEEPCNT = 6;
export const TCP_INFO = 11;
/** A connection's final state in `struct tcp_info`. */
export const TCP_CLOSE = 7;
export const TCP_USER_TIMEOUT = 18;

export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
/** The field of IP packets for their kind of traffic. */
export const IPPROTO_IP = 0;
export const IP_TOS = 1;
export const IPV6_TCLASS = 67;

export const SIOCOUTQ = 0x5411;
/** Received bytes that nobody has read (tcp(7), unix(7)). */
export const SIOCINQ = 0x541b;
export const FIONBIO = 0x5421;

export const SHUT_WR = 1;
export const SHUT_RDWR = 2;

export const MSG_WAITALL = 0x100;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_MORE = 0x8000;

export const F_GETFD = 1;

export const O_NONBLOCK = 0x800;
export const O_CLOEXEC = 0x80000;

export const EFD_SEMAPHORE = 1;
export const EFD_NONBLOCK = 0x800;
export const EFD_CLOEXEC = 0x80000;

export const POLLIN = 1;
export const POLLOUT = 0x4;

export const EPOLL_CLOEXEC = 0x80000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const EPOLLIN = 0x1;
export const EPOLLPRI = 0x2;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
export const EPOLLET = 0x8000_0000;

export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 1;
export const MAP_POPULATE = 0x8000;

export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EBUSY = 16;
export const ENOTDIR = 20;
export const EINVAL = 22;
export const ENFILE = 23;
export const EMFILE = 24;
export const EPIPE = 32;
export const ENAMETOOLONG = 36;
export const ENOSYS = 38;
export const ETIME = 62;
export const EPROTO = 71;
export const ENETDOWN = 100;
export const ECONNABORTED = 103;
export const ENOBUFS = 105;
export const EALREADY = 114;
export const EINPROGRESS = 115;
export const ECANCELED = 125;

/** Maximum bytes of a path with its final NUL. */
export const PATH_MAX = 4096;

export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const STATX_INO = 0x100;

const STATX_CALLS: Readonly<Record<string, number>> = { x64: 332, arm64: 291 };

/** The number of the system call statx on this processor; undefined if it is unknown. */
export const statxCall: number | undefined = STATX_CALLS[process.arch];
