/** Windows' own completion port: its handle, dequeuing from it, and packets of our own. */

import { Slab } from '../../ffi/memory.js';
import {
  FILE_SKIP_COMPLETION_PORT_ON_SUCCESS,
  FILE_SKIP_SET_EVENT_ON_HANDLE,
  INFINITE,
  INVALID_HANDLE_VALUE,
  WAIT_TIMEOUT,
} from '../../ffi/windows/constants.js';
import { kernel32 } from '../../ffi/windows/kernel32.js';
import { OVERLAPPED_ENTRY } from '../../ffi/windows/structs.js';
import { PolledCall } from '../common/polled-call.js';
import { windowsErrors } from '../windows/errors.js';

/** Completion keys: sockets need none, as their operations are known by the address of their OVERLAPPED. */
export const SOCKET_KEY = 0;
/** A wake-up that somebody posted. */
export const WAKE_KEY = 1;
/** Ends the waiting thread's wait, and means nothing else. */
export const INTERRUPT_KEY = 2;

/** Entries taken by one GetQueuedCompletionStatusEx at the most. */
export const ENTRIES_MAX = 256;

/** After the entries: the number of them that the system has written. */
const COUNT_OFFSET = ENTRIES_MAX * OVERLAPPED_ENTRY.size;
const COUNT_BYTES = 4;

/** The longest wait below INFINITE, in ms. */
const WAIT_MS_MAX = INFINITE - 1;

/** Posts a wake-up to the port with this handle, from any thread. */
export function wakeCompletionPort(handle: number): void {
  postPacket(handle, WAKE_KEY);
}

export function postPacket(handle: number, key: number): void {
  if (kernel32().PostQueuedCompletionStatus(handle, 0, key, 0) === 0) {
    throw windowsErrors.create(kernel32().GetLastError(), 'PostQueuedCompletionStatus');
  }
}

/** Memory for dequeued entries and their number. */
export class Entries {
  readonly #slab = new Slab(COUNT_OFFSET + COUNT_BYTES);

  get address(): number {
    return this.#slab.address;
  }

  get countAddress(): number {
    return this.#slab.address + COUNT_OFFSET;
  }

  /** How many the system has put here. Another thread's call may do so: it writes the number last. */
  get count(): number {
    return Atomics.load(this.#slab.i32, COUNT_OFFSET >> 2);
  }

  /**
   * Empties the room. A wait that ends by its time writes no entry and says that it wrote one (so does Windows, Wine's
   * tests of ntdll say): this is what it finds there.
   */
  clear(): void {
    const { u32 } = this.#slab;
    u32.fill(0, 0, OVERLAPPED_ENTRY.size >> 2);
    u32[OVERLAPPED_ENTRY.lpCompletionKey >> 2] = INTERRUPT_KEY;
    Atomics.store(this.#slab.i32, COUNT_OFFSET >> 2, 0);
  }

  keyOf(index: number): number {
    return this.#slab.u32[(index * OVERLAPPED_ENTRY.size + OVERLAPPED_ENTRY.lpCompletionKey) >> 2] as number;
  }

  overlappedOf(index: number): number {
    return this.#slab.addressAt(index * OVERLAPPED_ENTRY.size + OVERLAPPED_ENTRY.lpOverlapped);
  }

  bytesOf(index: number): number {
    return this.#slab.u32[(index * OVERLAPPED_ENTRY.size + OVERLAPPED_ENTRY.dwNumberOfBytesTransferred) >> 2] as number;
  }
}

export class NativePort {
  readonly handle: number;
  readonly #kernel32 = kernel32();
  readonly #call = new PolledCall('GetQueuedCompletionStatusEx', windowsErrors);

  constructor() {
    this.handle = this.#kernel32.CreateIoCompletionPort(INVALID_HANDLE_VALUE, 0, 0, 1);
    if (this.handle === 0) {
      throw windowsErrors.create(this.#kernel32.GetLastError(), 'CreateIoCompletionPort');
    }
  }

  /** @param skipsSuccess whether operations that complete at once are to bring no packet */
  associate(socket: number, skipsSuccess: boolean): void {
    if (this.#kernel32.CreateIoCompletionPort(socket, this.handle, SOCKET_KEY, 0) === 0) {
      throw windowsErrors.create(this.#kernel32.GetLastError(), 'CreateIoCompletionPort');
    }
    const modes = FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE;
    if (skipsSuccess && this.#kernel32.SetFileCompletionNotificationModes(socket, modes) === 0) {
      throw windowsErrors.create(this.#kernel32.GetLastError(), 'SetFileCompletionNotificationModes');
    }
  }

  /** Dequeues up to `entriesMax` entries; nothing in time is 0. @throws OperationError what will not pass */
  dequeue(entries: Entries, entriesMax: number, timeoutMs: number): number {
    const waitMs = this.#call.begin(timeoutMs);
    const wait = waitMs === Infinity ? INFINITE : Math.min(Math.ceil(waitMs), WAIT_MS_MAX);
    const count = Math.min(entriesMax, ENTRIES_MAX);
    const { handle } = this;
    const call = this.#kernel32.GetQueuedCompletionStatusEx;
    if (call(handle, entries.address, count, entries.countAddress, wait, 0) === 0) {
      const number = this.#kernel32.GetLastError();
      return number === WAIT_TIMEOUT ? 0 : this.#call.failed(number);
    }
    return entries.count;
  }

  /** When to dequeue again after the system had no memory; Infinity when that was not so. */
  get retryAt(): number {
    return this.#call.retryAt;
  }

  close(): void {
    this.#kernel32.CloseHandle(this.handle);
  }
}
