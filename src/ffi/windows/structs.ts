/**
 * Offsets of Windows' structs, each with its C declaration. The layout test compares every table with the C compiler's
 * rules. Sizes and offsets are in bytes, for 64-bit systems.
 */

/**
 * `typedef struct _OVERLAPPED { ULONG_PTR Internal, InternalHigh; DWORD Offset, OffsetHigh; HANDLE hEvent; }`
 * (minwinbase.h)
 */
export const OVERLAPPED = { Internal: 0, InternalHigh: 8, Offset: 16, OffsetHigh: 20, hEvent: 24, size: 32 } as const;

/**
 * `typedef struct _OVERLAPPED_ENTRY { ULONG_PTR lpCompletionKey; LPOVERLAPPED lpOverlapped; ULONG_PTR Internal;
 * DWORD dwNumberOfBytesTransferred; }` (minwinbase.h)
 */
export const OVERLAPPED_ENTRY = {
  lpCompletionKey: 0,
  lpOverlapped: 8,
  Internal: 16,
  dwNumberOfBytesTransferred: 24,
  size: 32,
} as const;

/** `typedef struct _WSABUF { ULONG len; CHAR *buf; }` (ws2def.h) */
export const WSABUF = { len: 0, buf: 8, size: 16 } as const;

/** `struct linger { u_short l_onoff, l_linger; }` (winsock.h) */
export const linger = { l_onoff: 0, l_linger: 2, size: 4 } as const;

/** `struct tcp_keepalive { ULONG onoff, keepalivetime, keepaliveinterval; }` (mstcpip.h), times in ms */
export const tcp_keepalive = { onoff: 0, keepalivetime: 4, keepaliveinterval: 8, size: 12 } as const;

/** `struct timeval { long tv_sec, tv_usec; }` (winsock.h; a Windows long has 32 bits) */
export const timeval = { tv_sec: 0, tv_usec: 4, size: 8 } as const;

/** `typedef struct fd_set { u_int fd_count; SOCKET fd_array[]; }` (winsock2.h), of any length: here with one element */
export const fd_set = { fd_count: 0, fd_array: 8, size: 16 } as const;
