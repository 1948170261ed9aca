/**
 * The functions of ws2_32.dll that overlapped calls, as their manual pages declare them, with sockets and addresses as
 * numbers. Each returns SOCKET_ERROR (-1) on failure, unless it says otherwise; `WSAGetLastError` says why, when it is
 * the next foreign call.
 */

import { Library } from '../library.js';
import { Slab } from '../memory.js';

/** Also what a thread waits with. */
export const SELECT = 'int select(int nfds, int64_t readfds, int64_t writefds, int64_t exceptfds, int64_t timeout)';

function declareWs2_32() {
  const library = new Library('ws2_32.dll');
  return {
    /** The error of the Winsock call before it. */
    WSAGetLastError: library.declare('int WSAGetLastError()'),
    /** Controls a socket; `loadExtension` uses it. */
    WSAIoctl: library.declare(
      'int WSAIoctl(int64_t s, uint32_t dwIoControlCode, int64_t lpvInBuffer, uint32_t cbInBuffer, int64_t lpvOutBuffer, uint32_t cbOutBuffer, int64_t lpcbBytesReturned, int64_t lpOverlapped, int64_t lpCompletionRoutine)',
    ),
    /** Receives into buffers; with an OVERLAPPED the completion comes from the port. */
    WSARecv: library.declare(
      'int WSARecv(int64_t s, int64_t lpBuffers, uint32_t dwBufferCount, int64_t lpNumberOfBytesRecvd, int64_t lpFlags, int64_t lpOverlapped, int64_t lpCompletionRoutine)',
    ),
    /** Sends from buffers; with an OVERLAPPED the completion comes from the port. */
    WSASend: library.declare(
      'int WSASend(int64_t s, int64_t lpBuffers, uint32_t dwBufferCount, int64_t lpNumberOfBytesSent, uint32_t dwFlags, int64_t lpOverlapped, int64_t lpCompletionRoutine)',
    ),
    /** Returns the socket, or INVALID_SOCKET (-1). */
    WSASocketW: library.declare(
      'int64_t WSASocketW(int af, int type, int protocol, int64_t lpProtocolInfo, uint32_t g, uint32_t dwFlags)',
    ),
    /** Returns 0, or the error itself. */
    WSAStartup: library.declare('int WSAStartup(uint16_t wVersionRequested, int64_t lpWSAData)'),
    /** Returns the socket, or INVALID_SOCKET (-1). */
    accept: library.declare('int64_t accept(int64_t s, int64_t addr, int64_t addrlen)'),
    /** Gives a socket its local address. */
    bind: library.declare('int bind(int64_t s, int64_t name, int namelen)'),
    /** Closes a socket. */
    closesocket: library.declare('int closesocket(int64_t s)'),
    /** Connects a socket, and blocks unless `FIONBIO` is set. */
    connect: library.declare('int connect(int64_t s, int64_t name, int namelen)'),
    /** Writes the peer's address. */
    getpeername: library.declare('int getpeername(int64_t s, int64_t name, int64_t namelen)'),
    /** Writes the local address. */
    getsockname: library.declare('int getsockname(int64_t s, int64_t name, int64_t namelen)'),
    /** Reads an option of a socket. */
    getsockopt: library.declare('int getsockopt(int64_t s, int level, int optname, int64_t optval, int64_t optlen)'),
    /** Sets the I/O mode of a socket. */
    ioctlsocket: library.declare('int ioctlsocket(int64_t s, uint32_t cmd, int64_t argp)'),
    /** Makes a socket accept connections. */
    listen: library.declare('int listen(int64_t s, int backlog)'),
    /** Receives; returns the number of bytes, 0 at the end of the stream. */
    recv: library.declare('int recv(int64_t s, int64_t buf, int len, int flags)'),
    /** Waits until sockets are ready; returns their number, 0 if the time is over. */
    select: library.declare(SELECT),
    /** Sends; returns the number of bytes taken. */
    send: library.declare('int send(int64_t s, int64_t buf, int len, int flags)'),
    /** Sets an option of a socket. */
    setsockopt: library.declare('int setsockopt(int64_t s, int level, int optname, int64_t optval, int optlen)'),
    /** Ends one side of a connection, or both. */
    shutdown: library.declare('int shutdown(int64_t s, int how)'),
  };
}

/** The functions of ws2_32.dll. */
export type Ws2_32 = ReturnType<typeof declareWs2_32>;

/** Winsock 2.2. */
const VERSION = 0x0202;
/** WSADATA has 408 bytes on 64-bit systems; nothing of it is read. */
const WSADATA_BYTES = 512;

let declared: Ws2_32 | undefined;

/** ws2_32.dll, opened and started at the first call: this module is loaded on systems that have none. */
export function ws2_32(): Ws2_32 {
  if (declared === undefined) {
    const functions = declareWs2_32();
    functions.WSAStartup(VERSION, new Slab(WSADATA_BYTES).address);
    declared = functions;
  }
  return declared;
}
