/** Numbers of the Windows headers that overlapped uses, by their own names (ws2def.h, ws2ipdef.h, winsock2.h, mswsock.h). */

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 23;

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_IPV6 = 41;
export const INVALID_SOCKET = -1;

export const WSA_FLAG_OVERLAPPED = 0x01;
export const WSA_FLAG_NO_HANDLE_INHERIT = 0x80;

export const SOL_SOCKET = 0xffff;
export const SO_KEEPALIVE = 0x0008;
export const SO_LINGER = 0x0080;
export const SO_OOBINLINE = 0x0100;
export const SO_SNDBUF = 0x1001;
export const SO_RCVBUF = 0x1002;
export const SO_ERROR = 0x1007;
export const SO_TYPE = 0x1008;
/** ~SO_REUSEADDR: nobody else may bind the same address, not even with SO_REUSEADDR. */
export const SO_EXCLUSIVEADDRUSE = -5;
export const SO_UPDATE_ACCEPT_CONTEXT = 0x700b;
export const SO_UPDATE_CONNECT_CONTEXT = 0x7010;

export const TCP_NODELAY = 1;
/** How long sent data may go unacknowledged, and connecting may take, in ms (Windows 10 version 1803 and later). */
export const TCP_MAXRTMS = 14;
export const IPV6_V6ONLY = 27;

export const SD_SEND = 1;

export const FIONBIO = 0x8004_667e;
export const SIO_GET_EXTENSION_FUNCTION_POINTER = 0xc800_0006;

export const MSG_OOB = 1;

export const INVALID_HANDLE_VALUE = -1;
export const INFINITE = 0xffff_ffff;
export const HANDLE_FLAG_INHERIT = 1;
export const FILE_SKIP_COMPLETION_PORT_ON_SUCCESS = 1;
export const FILE_SKIP_SET_EVENT_ON_HANDLE = 2;

export const STATUS_SUCCESS = 0;

/** What GetLastError says after a reset of a connection; WSAGetLastError calls the same thing WSAECONNRESET. */
export const ERROR_NETNAME_DELETED = 64;
export const WAIT_TIMEOUT = 258;
export const ERROR_NOT_FOUND = 1168;
/** ERROR_OPERATION_ABORTED, which is what CancelIoEx leaves. */
export const WSA_OPERATION_ABORTED = 995;
/** ERROR_IO_PENDING: the operation goes on, its completion comes from the port. */
export const WSA_IO_PENDING = 997;
export const WSAEMFILE = 10024;
export const WSAEWOULDBLOCK = 10035;
export const WSAENOTSOCK = 10038;
export const WSAECONNRESET = 10054;
export const WSAENOBUFS = 10055;
