/** Windows, as tests know it, and what Wine lacks of it. */

import assert from 'node:assert/strict';
import type { WindowsSockets } from '../../src/drivers/windows/sockets.js';
import { Library } from '../../src/ffi/library.js';
import { Slab } from '../../src/ffi/memory.js';
import { MSG_OOB } from '../../src/ffi/windows/constants.js';
import { kernel32 } from '../../src/ffi/windows/kernel32.js';
import { ws2_32 } from '../../src/ffi/windows/ws2_32.js';
import type { Availability, TestSystem } from './system.js';

const SYSTEM_EXTENDED_HANDLE_INFORMATION = 64;
/** `struct { PVOID Object; ULONG_PTR UniqueProcessId, HandleValue; … }` after a count and a reserved word. */
const HANDLES_OFFSET = 16;
const HANDLE = { UniqueProcessId: 8, size: 40 } as const;
/** Room for about 100,000 handles of the whole system. */
const HANDLES_BYTES = 2 ** 22;

/** Wine's version; undefined on Windows itself. */
function wineVersion(): string | undefined {
  try {
    return String(new Library('ntdll.dll').declare('const char *wine_get_version()')());
  } catch {
    return undefined;
  }
}

const wine = process.platform === 'win32' ? wineVersion() : undefined;

/** Capabilities that only Wine lacks. */
export function unlessWine(reason: string): Availability {
  return wine === undefined || `Wine ${wine} ${reason}`;
}

/** Windows keeps it. Wine's server reads the socket of an overlapped receive itself, and the bytes it has read are lost. */
export const IOCP_RESET_REMEMBERED = unlessWine(
  "reads a socket's error when nobody receives, and forgets it: node:net's sockets end too",
);

class HandleList {
  readonly #slab = new Slab(HANDLES_BYTES);
  readonly #query = new Library('ntdll.dll').declare(
    'int NtQuerySystemInformation(int SystemInformationClass, int64_t SystemInformation, uint32_t SystemInformationLength, int64_t ReturnLength)',
  );

  /** Handles of this process among those of the whole system. */
  count(): number {
    const { address, u32 } = this.#slab;
    assert.equal(this.#query(SYSTEM_EXTENDED_HANDLE_INFORMATION, address, HANDLES_BYTES, 0), 0);
    let handles = 0;
    for (let index = 0; index < (u32[0] as number); index++) {
      if (u32[(HANDLES_OFFSET + index * HANDLE.size + HANDLE.UniqueProcessId) >> 2] === process.pid) {
        handles++;
      }
    }
    return handles;
  }
}

let handleList: HandleList | undefined;

const NO_UNIX_SOCKETS =
  'overlapped offers no Unix-domain sockets on Windows: AcceptEx and ConnectEx know none, and Wine 8 neither';

export const windows: TestSystem = {
  // In Wine each call that concerns a handle is a request to one server process, for all programs.
  patience: wine === undefined ? 1 : 3,

  drivers: ['iocp', 'select'],

  capabilities: {
    unixSockets: NO_UNIX_SOCKETS,
    reusePort: 'Windows does not spread connections over several listeners at one port',
    receiveLowWater: 'Winsock has no SO_RCVLOWAT',
    userTimeout: unlessWine('knows no TCP_MAXRTMS'),
    keepAliveDelayRead: unlessWine('returns no TCP_KEEPIDLE'),
    descriptorLimit:
      'Windows has no limit of handles that could be lowered for a process; test/drivers/iocp/accepts.test.ts makes a shortage itself',
    descriptorNumbers: "Windows' sets are counted arrays, limited by the number of sockets in them",
    signals: 'Windows has none between processes: test/cli/wine.test.ts presses Ctrl-C',
    shell: 'Windows has no POSIX shell',
    resetRemembered: true,
    resetRememberedBehindEnd: unlessWine(
      'takes the reset of a connection of which it has ended one side for the other end',
    ),
    resetBeforeReceive: unlessWine('sometimes reports such a reset as an end, or not at all'),
    threads: true,
    urgentData: true,
    blocking: true,
    systemOptions: true,
    systemBacklog: true,
    replacedPaths: NO_UNIX_SOCKETS,
    peerNameAfterReset: true,
    sendProgress: 'Windows 10 would tell by SIO_TCP_INFO, which is not asked',
    immediateSends: 'sends on Windows are posted, as the port has one place that reports how they end',
    sendsAfterEnd: true,
    arrivalsFirst: true,
  },

  foreignDriver: ['epoll', /Linux/],

  bufferFactor: 1,

  /** Wine's GetProcessHandleCount is a stub that returns 0. */
  descriptorsOpen() {
    const { address, u32 } = new Slab(8);
    assert.notEqual(kernel32().GetProcessHandleCount(kernel32().GetCurrentProcess(), address), 0);
    if (u32[0] !== 0) {
      return u32[0] as number;
    }
    handleList ??= new HandleList();
    return handleList.count();
  },

  sendByHand(socket, data, how) {
    const memory = new Slab(data.length);
    memory.u8.set(Buffer.from(data));
    // A socket's number is one of our own; what made it knows the SOCKET.
    const { handle } = (socket.home.calls as WindowsSockets).records.of(socket.handle);
    assert.equal(ws2_32().send(handle, memory.address, data.length, how === 'urgent' ? MSG_OOB : 0), data.length);
  },
};
