/** The calls on sockets that end immediately, on Windows. */

import { ANY_IPV4, ANY_IPV6, type SocketAddress, type SocketFamily } from '../../base/address.js';
import { OperationError } from '../../base/errors.js';
import { Slab } from '../../ffi/memory.js';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  FIONBIO,
  INVALID_SOCKET,
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_TCLASS,
  IPV6_V6ONLY,
  SD_SEND,
  SIO_KEEPALIVE_VALS,
  SO_EXCLUSIVEADDRUSE,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_OOBINLINE,
  SO_RCVBUF,
  SO_RCVLOWAT,
  SO_SNDBUF,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_MAXRTMS,
  TCP_NODELAY,
  WSA_FLAG_NO_HANDLE_INHERIT,
  WSA_FLAG_OVERLAPPED,
} from '../../ffi/windows/constants.js';
import { linger, tcp_keepalive } from '../../ffi/windows/structs.js';
import { ws2_32 } from '../../ffi/windows/ws2_32.js';
import { decodeSockaddr, encodeSockaddr, SOCKADDR_BYTES_MAX } from '../common/sockaddr.js';
import {
  type BindOptions,
  OPTIONS_IN_SECONDS,
  type SocketCalls,
  type SocketCreation,
  type SocketOption,
} from '../driver.js';
import { windowsErrors } from './errors.js';
import { windowsAddresses } from './sockaddr.js';
import { SocketRecord, SocketRecords } from './socket-records.js';
import { disownSocket, openOwned, ownSocket } from './socket-table.js';

const FAMILIES: Readonly<Record<SocketFamily, number>> = { ipv4: AF_INET, ipv6: AF_INET6, unix: AF_UNIX };

const UNBOUND_IPV4: SocketAddress = { family: 'ipv4', address: ANY_IPV4, port: 0 };
const UNBOUND_IPV6: SocketAddress = { family: 'ipv6', address: ANY_IPV6, port: 0 };

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
  userTimeoutMs: [IPPROTO_TCP, TCP_MAXRTMS],
  resetOnClose: [SOL_SOCKET, SO_LINGER],
};

function optionOf(option: SocketOption, family: SocketFamily): readonly [level: number, name: number] {
  return option === 'typeOfService' && family === 'ipv6' ? [IPPROTO_IPV6, IPV6_TCLASS] : OPTIONS[option];
}

/** As libuv sets it with the delay. */
const KEEP_ALIVE_INTERVAL_MS = 1000;

/** In the scratch memory, after the address: the length argument of a call, or the value of an option. */
const LENGTH_OFFSET = SOCKADDR_BYTES_MAX;
const VALUE_OFFSET = SOCKADDR_BYTES_MAX;
const INT_BYTES = 4;

/** SocketCalls on Windows. */
export class WindowsSockets implements SocketCalls {
  readonly records = new SocketRecords();
  /** Winsock refuses SO_RCVLOWAT (`WSAENOPROTOOPT`). */
  readonly hasReceiveLowWater = false;
  readonly sharesPorts = false;
  readonly #ws2_32 = ws2_32();
  readonly #scratch = new Slab(LENGTH_OFFSET + INT_BYTES);

  /** Makes a non-blocking socket. Returns its handle, or an error number, negated. */
  open(family: SocketFamily): number {
    const flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT;
    const handle = openOwned(() => this.#ws2_32.WSASocketW(FAMILIES[family], SOCK_STREAM, IPPROTO_TCP, 0, 0, flags));
    if (handle === INVALID_SOCKET) {
      return -this.#ws2_32.WSAGetLastError();
    }
    this.setNonBlocking(handle, true);
    // Urgent data stays a part of the stream, as on Linux (RFC 6093).
    this.#setInt(handle, SOL_SOCKET, SO_OOBINLINE, 1);
    return handle;
  }

  setNonBlocking(handle: number, nonBlocking: boolean): void {
    this.#scratch.u32[0] = nonBlocking ? 1 : 0;
    this.#check(this.#ws2_32.ioctlsocket(handle, FIONBIO, this.#scratch.address), 'ioctlsocket');
  }

  socketsMax(): number {
    return Infinity;
  }

  create(creation: SocketCreation): number {
    const { family, dualStack } = creation;
    if (family === 'unix') {
      throw new OperationError({
        code: 'EAFNOSUPPORT',
        reason: 'Unix-domain sockets are not offered on Windows; use a loopback address',
        syscall: 'socket',
      });
    }
    const handle = this.open(family);
    if (handle < 0) {
      throw windowsErrors.create(-handle, 'socket');
    }
    const socket = this.records.add(new SocketRecord(handle, family));
    if (family === 'ipv6') {
      try {
        this.#setInt(handle, IPPROTO_IPV6, IPV6_V6ONLY, dualStack ? 0 : 1);
      } catch (error) {
        this.close(socket);
        throw error;
      }
    }
    return socket;
  }

  bind(socket: number, address: SocketAddress, options: BindOptions): undefined {
    const record = this.records.of(socket);
    const byteLength = encodeSockaddr(windowsAddresses, this.#scratch, 0, address);
    if (options.reusePort) {
      throw new OperationError({
        code: 'ENOTSUP',
        reason: 'Windows does not spread connections over several listeners at one port',
        syscall: 'bind',
        address,
      });
    }
    // Otherwise another program could bind the same address and take its connections ("Using SO_EXCLUSIVEADDRUSE").
    this.#setInt(record.handle, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1);
    this.#check(this.#ws2_32.bind(record.handle, this.#scratch.address, byteLength), 'bind', address);
    record.bound = true;
  }

  /** Binds an unbound socket to any local address, which ConnectEx and listen require. */
  bindToAny(socket: number): void {
    const record = this.records.of(socket);
    if (!record.bound) {
      const any = record.family === 'ipv4' ? UNBOUND_IPV4 : UNBOUND_IPV6;
      const byteLength = encodeSockaddr(windowsAddresses, this.#scratch, 0, any);
      this.#check(this.#ws2_32.bind(record.handle, this.#scratch.address, byteLength), 'bind');
      record.bound = true;
    }
  }

  listen(socket: number, backlog: number): void {
    this.bindToAny(socket);
    if (this.#ws2_32.listen(this.records.of(socket).handle, backlog) !== 0) {
      const number = this.#ws2_32.WSAGetLastError();
      throw windowsErrors.create(number, 'listen', this.localAddress(socket));
    }
  }

  reachIpv4(socket: number): void {
    const { handle, bound } = this.records.of(socket);
    if (!bound) {
      this.#setInt(handle, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    }
  }

  localAddress(socket: number): SocketAddress {
    return this.#address(socket, 'getsockname');
  }

  remoteAddress(socket: number): SocketAddress {
    return this.records.of(socket).remoteAddress ?? this.#address(socket, 'getpeername');
  }

  #address(socket: number, call: 'getsockname' | 'getpeername'): SocketAddress {
    const { address, u32 } = this.#scratch;
    u32[LENGTH_OFFSET >> 2] = SOCKADDR_BYTES_MAX;
    this.#check(this.#ws2_32[call](this.records.of(socket).handle, address, address + LENGTH_OFFSET), call);
    return decodeSockaddr(windowsAddresses, this.#scratch, 0, u32[LENGTH_OFFSET >> 2] as number);
  }

  setOption(socket: number, option: SocketOption, value: number): void {
    const record = this.records.of(socket);
    try {
      this.#setOption(record, option, value);
    } catch (error) {
      throw option === 'userTimeoutMs' && (error as OperationError).code === 'ENOPROTOOPT' ? noUserTimeout() : error;
    }
    record.options ??= new Map();
    record.options.set(option, value);
  }

  #setOption({ handle, family }: SocketRecord, option: SocketOption, value: number): void {
    const [level, name] = optionOf(option, family);
    if (option === 'keepAliveInitialDelayMs') {
      this.#setKeepAliveDelay(handle, value - (value % 1000));
      return;
    }
    if (option !== 'resetOnClose') {
      this.#setInt(handle, level, name, OPTIONS_IN_SECONDS.has(option) ? Math.trunc(value / 1000) : value);
      return;
    }
    // With a linger time of 0, closesocket discards unsent bytes and resets the connection.
    this.#scratch.u16[linger.l_onoff >> 1] = value;
    this.#scratch.u16[linger.l_linger >> 1] = 0;
    this.#check(this.#ws2_32.setsockopt(handle, level, name, this.#scratch.address, linger.size), 'setsockopt');
  }

  /** One call sets the switch and the delay, on every version of Windows. */
  #setKeepAliveDelay(handle: number, delayMs: number): void {
    const keepAlive = this.#readInt(handle, ...OPTIONS.keepAlive);
    const { address, u32 } = this.#scratch;
    u32[tcp_keepalive.onoff >> 2] = keepAlive === 0 ? 0 : 1;
    u32[tcp_keepalive.keepalivetime >> 2] = delayMs;
    u32[tcp_keepalive.keepaliveinterval >> 2] = KEEP_ALIVE_INTERVAL_MS;
    const written = address + LENGTH_OFFSET;
    this.#check(
      this.#ws2_32.WSAIoctl(handle, SIO_KEEPALIVE_VALS, address, tcp_keepalive.size, 0, 0, written, 0, 0),
      'WSAIoctl',
    );
  }

  /** Adds a socket that a listener accepted, and sets the listener's options on it. */
  addAccepted(handle: number, listener: SocketRecord, remoteAddress: SocketAddress | undefined): number {
    const record = new SocketRecord(handle, listener.family);
    record.bound = true;
    record.remoteAddress = remoteAddress;
    for (const [option, value] of listener.options ?? []) {
      try {
        this.#setOption(record, option, value);
      } catch {
        // The connection is reset already, and its first operation reports that.
      }
    }
    return this.records.add(record);
  }

  detach(socket: number): number {
    const { handle } = this.records.of(socket);
    this.records.remove(socket);
    disownSocket(handle);
    return handle;
  }

  adopt(handle: number, family: SocketFamily): number {
    const record = new SocketRecord(handle, family);
    record.bound = true;
    ownSocket(handle);
    return this.records.add(record);
  }

  getOption(socket: number, option: SocketOption): number {
    const [level, name] = optionOf(option, this.records.of(socket).family);
    const value = this.getInt(socket, level, name);
    return OPTIONS_IN_SECONDS.has(option) ? 1000 * value : value;
  }

  /** Reads an option that is one int. */
  getInt(socket: number, level: number, name: number): number {
    return this.#readInt(this.records.of(socket).handle, level, name);
  }

  #readInt(handle: number, level: number, name: number): number {
    const { address, u32, i32 } = this.#scratch;
    // Some options write only one byte.
    i32[0] = 0;
    u32[LENGTH_OFFSET >> 2] = INT_BYTES;
    this.#check(this.#ws2_32.getsockopt(handle, level, name, address, address + LENGTH_OFFSET), 'getsockopt');
    return i32[0] as number;
  }

  #setInt(handle: number, level: number, name: number, value: number): void {
    this.#scratch.i32[VALUE_OFFSET >> 2] = value;
    this.#check(
      this.#ws2_32.setsockopt(handle, level, name, this.#scratch.address + VALUE_OFFSET, INT_BYTES),
      'setsockopt',
    );
  }

  /** Sets SO_UPDATE_ACCEPT_CONTEXT or SO_UPDATE_CONNECT_CONTEXT, without which the socket has no addresses. */
  updateContext(handle: number, name: number, listener: number): void {
    if (listener === INVALID_SOCKET) {
      this.#ws2_32.setsockopt(handle, SOL_SOCKET, name, 0, 0);
      return;
    }
    this.#scratch.setAddress(0, listener);
    this.#ws2_32.setsockopt(handle, SOL_SOCKET, name, this.#scratch.address, 8);
  }

  /** Not implemented: Windows 10 has SIO_TCP_INFO, but Wine does not, so it could not be tested. */
  sendProgress(_socket: number): undefined {
    return undefined;
  }

  shutdownSend(socket: number): void {
    this.#check(this.#ws2_32.shutdown(this.records.of(socket).handle, SD_SEND), 'shutdown');
  }

  /** Closes the handle, because shutdown does not end listening. The number stays valid for operations in flight. */
  shutdownBoth(socket: number): void {
    const record = this.records.of(socket);
    this.closeHandle(record.handle);
    record.handle = INVALID_SOCKET;
  }

  close(socket: number): void {
    const { handle } = this.records.of(socket);
    this.records.remove(socket);
    if (handle !== INVALID_SOCKET) {
      this.closeHandle(handle);
    }
  }

  /** Does nothing: no socket is bound to a path on Windows. */
  removePath(): void {}

  closeHandle(handle: number): void {
    disownSocket(handle);
    this.#ws2_32.closesocket(handle);
  }

  #check(result: number, syscall: string, address?: SocketAddress): void {
    if (result < 0) {
      throw windowsErrors.create(this.#ws2_32.WSAGetLastError(), syscall, address);
    }
  }
}

function noUserTimeout(): OperationError {
  return new OperationError({
    code: 'ENOPROTOOPT',
    reason: 'userTimeoutMs (TCP_MAXRTMS) needs Windows 10 version 1803 or later',
    syscall: 'setsockopt',
  });
}
