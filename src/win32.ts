/**
 * `overlapped/win32`: the Windows calls that overlapped is built on, for programs that want to make them themselves.
 *
 * - `kernel32()` and `ws2_32()` give the functions of these libraries by their own names, `loadExtension` those of
 *   Winsock's provider. Handles, sockets and addresses are numbers.
 * - Constants have the names of the Windows headers. A struct is a table of its members' offsets, and its size.
 * - What the system reads and writes is in a `Slab`, whose address does not change. An address keeps nothing alive:
 *   hold the slab until the operation's completion has been dequeued.
 *
 * It can be imported on every system. Where there is no kernel32.dll, the first call says so with a `LibraryError`.
 * docs/win32.md begins with a program; examples/win32-echo.ts is a whole one.
 */

import { loadKoffi } from './ffi/koffi.js';

// An address that a slab has got before koffi was loaded would not be the system's.
loadKoffi();

export { addressOf, addressOfBytes, type ForeignFunction, LibraryError } from './ffi/library.js';
export { Slab } from './ffi/memory.js';
export { sockaddr_in, sockaddr_in6 } from './ffi/sockaddr.js';
export * from './ffi/windows/constants.js';
export { type Kernel32, kernel32 } from './ffi/windows/kernel32.js';
export { type Extension, loadExtension } from './ffi/windows/mswsock.js';
export * from './ffi/windows/structs.js';
export { type Ws2_32, ws2_32 } from './ffi/windows/ws2_32.js';
