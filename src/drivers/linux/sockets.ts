/** The calls on sockets that end immediately, on Linux. */

import type { SocketAddress, SocketFamily } from '../../base/address.js';
import { lastErrno } from '../../ffi/library.js';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  EAGAIN,
  EINTR,
  FIONBIO,
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_TCLASS,
  IPV6_V6ONLY,
  MSG_DONTWAIT,
  MSG_MORE,
  MSG_NOSIGNAL,
  SHUT_RDWR,
  SHUT_WR,
  SIOCINQ,
  SIOCOUTQ,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_OOBINLINE,
  SO_PEERNAME,
  SO_RCVBUF,
  SO_RCVLOWAT,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDBUF,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_CLOSE,
  TCP_INFO,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
  TCP_USER_TIMEOUT,
} from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { linger, tcp_info } from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import { sockaddr_in, sockaddr_in6 } from '../../ffi/sockaddr.js';
import { uninterrupted } from '../../ffi/worker-table.js';
import { decodeSockaddr, encodeSockaddr, SOCKADDR_BYTES_MAX } from '../common/sockaddr.js';
import {
  type BindOptions,
  type BoundPath,
  OPTIONS_IN_SECONDS,
  type SocketCalls,
  type SocketCreation,
  type SocketOption,
} from '../driver.js';
import { boundPath, removeBoundPath } from './bound-path.js';
import { descriptorsMax } from './descriptors.js';
import { linuxErrors } from './errors.js';
import { linuxAddresses } from './sockaddr.js';
import { setOwner, setOwnerToThisThread } from './socket-owner.js';

const FAMILIES: Readonly<Record<SocketFamily, number>> = { ipv4: AF_INET, ipv6: AF_INET6, unix: AF_UNIX };

const OPTIONS: Readonly<Record<SocketOption, readonly [level: number, name: number]>> = {
  noDelay: [IPPROTO_TCP, TCP_NODELAY],
  keepAlive: [SOL_SOCKET, SO_KEEPALIVE],
  keepAliveInitialDelayMs: [IPPROTO_TCP, TCP_KEEPIDLE],
  keepAliveIntervalMs: [IPPROTO_TCP, TCP_KEEPINTVL],
  keepAliveProbes: [IPPROTO_TCP, TCP_KEEPCNT],
  typeOfService: [IPPROTO_IP, IP_TOS],
  sendBufferBytes: [SOL_SOCKET, SO_SNDBUF],
  receiveBufferBytes: [SOL_SOCKET, SO_RCVBUF],
  receiveLowWaterBytes: [SOL_SOCKET, SO_RCVLOWAT],
  userTimeoutMs: [IPPROTO_TCP, TCP_USER_TIMEOUT],
  resetOnClose: [SOL_SOCKET, SO_LINGER],
};

/** As libuv sets them with the delay: Linux would send nine probes, 75 s apart. */
const KEEP_ALIVE_INTERVAL_S = 1;
const KEEP_ALIVE_PROBES = 10;

/** In the scratch memory, after what a call reads or writes: the call's length argument, or the value of an option. */
const LENGTH_OFFSET = Math.max(SOCKADDR_BYTES_MAX, tcp_info.size);
const VALUE_OFFSET = LENGTH_OFFSET;
const INT_BYTES = 4;

/** SocketCalls on Linux. */
export class LinuxSockets implements SocketCalls {
  readonly hasReceiveLowWater = true;
  readonly sharesPorts = true;
  readonly #libc = libc();
  readonly #scratch = new Slab(LENGTH_OFFSET + INT_BYTES);
  readonly #typeFlags: number;

  /** @param nonBlocking true if the driver waits for readiness (epoll, select), false if the kernel does (io_uring) */
  constructor(nonBlocking: boolean) {
    this.#typeFlags = SOCK_CLOEXEC | (nonBlocking ? SOCK_NONBLOCK : 0);
  }

  /** Flags for sockets that accept makes. */
  get acceptFlags(): number {
    return this.#typeFlags;
  }

  socketsMax(): number {
    return descriptorsMax();
  }

  create(creation: SocketCreation): number {
    const socket = uninterrupted(() => {
      const made = this.#libc.socket(FAMILIES[creation.family], SOCK_STREAM | this.#typeFlags, 0);
      this.#check(made, 'socket');
      setOwnerToThisThread(made);
      return made;
    });
    try {
      this.#prepare(socket, creation);
    } catch (error) {
      this.#libc.close(socket);
      throw error;
    }
    return socket;
  }

  #prepare(socket: number, { family, dualStack }: SocketCreation): void {
    // Urgent data stays a part of the stream (RFC 6093). Accepted sockets inherit this. Without it, io_uring does not
    // read bytes that are there after an urgent mark (tcp_inq returns 0 there, seen on kernel 6.18).
    if (family !== 'unix') {
      this.#setInt(socket, SOL_SOCKET, SO_OOBINLINE, 1);
    }
    if (family === 'ipv6') {
      this.#setInt(socket, IPPROTO_IPV6, IPV6_V6ONLY, dualStack ? 0 : 1);
    }
  }

  bind(socket: number, address: SocketAddress, options: BindOptions): BoundPath | undefined {
    const byteLength = encodeSockaddr(linuxAddresses, this.#scratch, 0, address);
    if (address.family !== 'unix') {
      // On Linux this lets a server restart while old connections linger; it does not let two servers listen at once.
      this.#setInt(socket, SOL_SOCKET, SO_REUSEADDR, 1);
      if (options.reusePort) {
        this.#setInt(socket, SOL_SOCKET, SO_REUSEPORT, 1);
      }
    }
    this.#check(this.#libc.bind(socket, this.#scratch.address, byteLength), 'bind', address);
    const makesFile = address.family === 'unix' && !address.path.startsWith('\0');
    return makesFile ? boundPath(address.path) : undefined;
  }

  listen(socket: number, backlog: number): void {
    if (this.#libc.listen(socket, backlog) < 0) {
      const errno = lastErrno();
      throw linuxErrors.create(errno, 'listen', this.localAddress(socket));
    }
  }

  reachIpv4(socket: number): void {
    this.#scratch.i32[VALUE_OFFSET >> 2] = 0;
    // It fails if the socket is bound: then the connect itself reports whether the address can be reached.
    this.#libc.setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, this.#scratch.address + VALUE_OFFSET, INT_BYTES);
  }

  localAddress(socket: number): SocketAddress {
    const { address, u32 } = this.#scratch;
    u32[LENGTH_OFFSET >> 2] = SOCKADDR_BYTES_MAX;
    this.#check(this.#libc.getsockname(socket, address, address + LENGTH_OFFSET), 'getsockname');
    return this.#answered();
  }

  remoteAddress(socket: number): SocketAddress {
    const { address, u32 } = this.#scratch;
    u32[LENGTH_OFFSET >> 2] = SOCKADDR_BYTES_MAX;
    if (this.#libc.getpeername(socket, address, address + LENGTH_OFFSET) === 0) {
      return this.#answered();
    }
    const errno = lastErrno();
    const known = this.#addressOfReset(socket);
    if (known === undefined) {
      throw linuxErrors.create(errno, 'getpeername');
    }
    return known;
  }

  /**
   * The peer of a connection that was reset or that both sides have ended. In the state TCP_CLOSE getpeername fails
   * with ENOTCONN, but this option still returns the address, as accept4 does (`inet_getname` in the kernel's
   * net/ipv4/af_inet.c). It fails if more bytes are asked for than the address has.
   */
  #addressOfReset(socket: number): SocketAddress | undefined {
    const { address, u32 } = this.#scratch;
    for (const byteLength of [sockaddr_in6.size, sockaddr_in.size]) {
      u32[LENGTH_OFFSET >> 2] = byteLength;
      if (this.#libc.getsockopt(socket, SOL_SOCKET, SO_PEERNAME, address, address + LENGTH_OFFSET) === 0) {
        return decodeSockaddr(linuxAddresses, this.#scratch, 0, byteLength);
      }
    }
    return undefined;
  }

  /** Reads the address that a call has written to the scratch memory. */
  #answered(): SocketAddress {
    const byteLength = Math.max(2, this.#scratch.u32[LENGTH_OFFSET >> 2] as number);
    return decodeSockaddr(linuxAddresses, this.#scratch, 0, byteLength);
  }

  setOption(socket: number, option: SocketOption, value: number): void {
    const [level, name] = OPTIONS[option];
    if (option === 'keepAliveInitialDelayMs') {
      this.#setInt(socket, level, name, Math.trunc(value / 1000));
      this.#setInt(socket, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_ALIVE_INTERVAL_S);
      this.#setInt(socket, IPPROTO_TCP, TCP_KEEPCNT, KEEP_ALIVE_PROBES);
      return;
    }
    if (option === 'typeOfService' && this.localAddress(socket).family === 'ipv6') {
      this.#setInt(socket, IPPROTO_IPV6, IPV6_TCLASS, value);
    }
    if (option !== 'resetOnClose') {
      // The field of IPv4 is that of connections to IPv4 addresses through an IPv6 socket, too.
      this.#setInt(socket, level, name, OPTIONS_IN_SECONDS.has(option) ? Math.trunc(value / 1000) : value);
      return;
    }
    // With a linger time of 0, close discards unsent bytes and resets the connection (socket(7)).
    this.#scratch.i32[linger.l_onoff >> 2] = value;
    this.#scratch.i32[linger.l_linger >> 2] = 0;
    this.#check(this.#libc.setsockopt(socket, level, name, this.#scratch.address, linger.size), 'setsockopt');
  }

  getOption(socket: number, option: SocketOption): number {
    const [level, name] = OPTIONS[option];
    if (option === 'typeOfService' && this.localAddress(socket).family === 'ipv6') {
      return this.getInt(socket, IPPROTO_IPV6, IPV6_TCLASS);
    }
    const value = this.getInt(socket, level, name);
    return OPTIONS_IN_SECONDS.has(option) ? 1000 * value : value;
  }

  /** Reads an option that is one int. */
  getInt(socket: number, level: number, name: number): number {
    this.#check(this.#readInt(socket, level, name), 'getsockopt');
    return this.#scratch.i32[0] as number;
  }

  /** Reads an int option into the scratch memory; returns the result of getsockopt. */
  #readInt(socket: number, level: number, name: number): number {
    const { address, u32 } = this.#scratch;
    u32[LENGTH_OFFSET >> 2] = INT_BYTES;
    return this.#libc.getsockopt(socket, level, name, address, address + LENGTH_OFFSET);
  }

  /** Takes the socket's pending error, which clears it: an error number, or 0. */
  protected takeError(socket: number): number {
    return this.#readInt(socket, SOL_SOCKET, SO_ERROR) < 0 ? lastErrno() : (this.#scratch.i32[0] as number);
  }

  #setInt(socket: number, level: number, name: number, value: number): void {
    this.#scratch.i32[VALUE_OFFSET >> 2] = value;
    this.#check(
      this.#libc.setsockopt(socket, level, name, this.#scratch.address + VALUE_OFFSET, INT_BYTES),
      'setsockopt',
    );
  }

  /** The bytes that the peer has acknowledged. Without TCP: the bytes that wait for the peer, negated. */
  sendProgress(socket: number): number | undefined {
    const { address, i32 } = this.#scratch;
    if (this.#readsTcpInfo(socket)) {
      return this.#scratch.addressAt(tcp_info.tcpi_bytes_acked);
    }
    return this.#libc.ioctl(socket, SIOCOUTQ, address) < 0 ? undefined : -(i32[0] as number);
  }

  /** The kernel reports an error once (`sk_err`), and a partial send of io_uring hides the error that ended it. */
  isBroken(socket: number): boolean {
    return this.#readsTcpInfo(socket) && this.#scratch.u8[tcp_info.tcpi_state] === TCP_CLOSE;
  }

  /** Reads the `tcp_info` of a connection into the scratch memory; returns false if the socket has none. */
  #readsTcpInfo(socket: number): boolean {
    const { address, u32 } = this.#scratch;
    u32[LENGTH_OFFSET >> 2] = tcp_info.size;
    const failed = this.#libc.getsockopt(socket, IPPROTO_TCP, TCP_INFO, address, address + LENGTH_OFFSET);
    return failed === 0 && u32[LENGTH_OFFSET >> 2] === tcp_info.size;
  }

  sendNow(socket: number, address: number, byteLength: number, more: boolean): number {
    const flags = MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0);
    const taken = this.#libc.send(socket, address, byteLength, flags);
    if (taken >= 0) {
      return taken;
    }
    const errno = lastErrno();
    return errno === EAGAIN || errno === EINTR ? 0 : -errno;
  }

  shutdownSend(socket: number): void {
    this.#check(this.#libc.shutdown(socket, SHUT_WR), 'shutdown');
  }

  shutdownBoth(socket: number): void {
    this.#libc.shutdown(socket, SHUT_RDWR);
  }

  endNow(socket: number): void {
    const { address, i32 } = this.#scratch;
    if (this.#libc.ioctl(socket, SIOCINQ, address) === 0 && i32[0] === 0) {
      this.#libc.shutdown(socket, SHUT_RDWR);
    }
  }

  detach(socket: number, thread: number): number {
    setOwner(socket, thread);
    return socket;
  }

  /** The thread that accepted the socket may have a driver whose sockets block where ours do not, or vice versa. */
  adopt(handle: number): number {
    this.#scratch.i32[0] = (this.#typeFlags & SOCK_NONBLOCK) === 0 ? 0 : 1;
    this.#libc.ioctl(handle, FIONBIO, this.#scratch.address);
    return handle;
  }

  close(socket: number): void {
    // Not repeated on EINTR: on Linux the descriptor is closed anyway (close(2)).
    this.#libc.close(socket);
  }

  removePath(bound: BoundPath): void {
    removeBoundPath(bound);
  }

  #check(result: number, syscall: string, address?: SocketAddress): void {
    if (result < 0) {
      throw linuxErrors.create(lastErrno(), syscall, address);
    }
  }
}
