/** Constants of Windows' headers (ws2def.h, ws2ipdef.h, winsock2.h, mswsock.h). */

/** Address family of Unix-domain sockets. */
export const AF_UNIX = 1;
/** Address family of IPv4. */
export const AF_INET = 2;
/** Address family of IPv6. */
export const AF_INET6 = 23;

/** Socket type of byte streams. */
export const SOCK_STREAM = 1;
/** Socket type of datagrams. */
export const SOCK_DGRAM = 2;
/** The protocol IPv4; the level of its options. */
export const IPPROTO_IP = 0;
/** Protocol and option level of TCP. */
export const IPPROTO_TCP = 6;
/** Protocol of UDP. */
export const IPPROTO_UDP = 17;
/** Option level of IPv6. */
export const IPPROTO_IPV6 = 41;
/** Result of `WSASocketW` and `accept` on failure. */
export const INVALID_SOCKET = -1;

/** Flag of `WSASocketW`: overlapped operations can be posted on the socket. */
export const WSA_FLAG_OVERLAPPED = 0x01;
/** Flag of `WSASocketW`: child processes do not inherit the socket. */
export const WSA_FLAG_NO_HANDLE_INHERIT = 0x80;

/** Option level of sockets. */
export const SOL_SOCKET = 0xffff;
/** Option: probe silent peers. */
export const SO_KEEPALIVE = 0x0008;
/** Option: what `closesocket` does with unsent data; takes a `linger`. */
export const SO_LINGER = 0x0080;
/** Option: urgent data is part of the stream. */
export const SO_OOBINLINE = 0x0100;
/** Option: bytes of the send buffer. */
export const SO_SNDBUF = 0x1001;
/** Option: bytes of the receive buffer. */
export const SO_RCVBUF = 0x1002;
/** Option: bytes that a receive waits for. Windows knows the name, and refuses it. */
export const SO_RCVLOWAT = 0x1004;
/** Option: the error of the socket, which reading clears. */
export const SO_ERROR = 0x1007;
/** Option: the type of the socket. */
export const SO_TYPE = 0x1008;
/** ~SO_REUSEADDR: no other socket may bind the same address, not even with SO_REUSEADDR. */
export const SO_EXCLUSIVEADDRUSE = -5;
/** Option: gives a socket accepted by `AcceptEx` the properties of its listener. */
export const SO_UPDATE_ACCEPT_CONTEXT = 0x700b;
/** Option: completes a socket connected by `ConnectEx`. */
export const SO_UPDATE_CONNECT_CONTEXT = 0x7010;

/** Option: send small segments at once. */
export const TCP_NODELAY = 1;
/** Option: seconds of silence before the first probe (Windows 10 version 1709 and later). */
export const TCP_KEEPIDLE = 3;
/** Option: how many probes without an answer end a connection (Windows 10 version 1703 and later). */
export const TCP_KEEPCNT = 16;
/** Option: seconds between probes (Windows 10 version 1703 and later). */
export const TCP_KEEPINTVL = 17;
/** Option: the type of service of IPv4 packets. */
export const IP_TOS = 3;
/** Option: the traffic class of IPv6 packets. */
export const IPV6_TCLASS = 39;
/** How long sent data may go unacknowledged, and connecting may take, in ms (Windows 10 version 1803 and later). */
export const TCP_MAXRTMS = 14;
/** Option: no IPv4 through an IPv6 socket. */
export const IPV6_V6ONLY = 27;

/** Argument of `shutdown`: end the sending side. */
export const SD_SEND = 1;

/** Command of `ioctlsocket`: calls on the socket do not block. */
export const FIONBIO = 0x8004_667e;
/** Command of `WSAIoctl`: probes of a silent peer; takes a `tcp_keepalive`. Ten probes are sent. */
export const SIO_KEEPALIVE_VALS = 0x9800_0004;
/** Command of `WSAIoctl`: the address of an extension function, such as `AcceptEx`. */
export const SIO_GET_EXTENSION_FUNCTION_POINTER = 0xc800_0006;

/** Flag of `send` and `recv`: urgent data. */
export const MSG_OOB = 1;

/** No handle: as the first argument of `CreateIoCompletionPort` it creates a port. */
export const INVALID_HANDLE_VALUE = -1;
/** A time limit of no end. */
export const INFINITE = 0xffff_ffff;
/** Flag of `SetHandleInformation`: child processes inherit the handle. */
export const HANDLE_FLAG_INHERIT = 1;
/** Mode: an operation that completes at once brings no packet. */
export const FILE_SKIP_COMPLETION_PORT_ON_SUCCESS = 1;
/** Mode: a completion does not signal the file's own event. */
export const FILE_SKIP_SET_EVENT_ON_HANDLE = 2;

/** `VirtualAlloc`: pages with memory. */
export const MEM_COMMIT = 0x1000;
/** `VirtualAlloc`: a part of the address space. */
export const MEM_RESERVE = 0x2000;
/** `VirtualFree`: the memory and its part of the address space. */
export const MEM_RELEASE = 0x8000;
/** Pages that can be read and written. */
export const PAGE_READWRITE = 4;

/** `Internal` of an OVERLAPPED whose operation succeeded. */
export const STATUS_SUCCESS = 0;

/** GetLastError's number for a reset of a connection, for which WSAGetLastError returns WSAECONNRESET. */
export const ERROR_NETNAME_DELETED = 64;
/** The wait has timed out. */
export const WAIT_TIMEOUT = 258;
/** `CancelIoEx` found no such operation: its completion is on its way. */
export const ERROR_NOT_FOUND = 1168;
/** ERROR_OPERATION_ABORTED, which is what CancelIoEx leaves. */
export const WSA_OPERATION_ABORTED = 995;
/** ERROR_IO_PENDING: the operation goes on, its completion comes from the port. */
export const WSA_IO_PENDING = 997;
/** No more sockets can be opened. */
export const WSAEMFILE = 10024;
/** The call would block. */
export const WSAEWOULDBLOCK = 10035;
/** The handle is not a socket. */
export const WSAENOTSOCK = 10038;
/** The peer reset the connection. */
export const WSAECONNRESET = 10054;
/** The system has no memory for the operation. */
export const WSAENOBUFS = 10055;
