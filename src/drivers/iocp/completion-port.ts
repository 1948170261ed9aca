/** Windows' own completion port: its handle, dequeuing from it, and posting packets of our own. */

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
import { uninterrupted } from '../../ffi/worker-table.js';
import { PolledCall } from '../common/polled-call.js';
import { trackDescriptor, untrackDescriptor } from '../common/resources.js';
import { windowsErrors } from '../windows/errors.js';

/** The completion key of sockets, which need none: an operation is known by the address of its OVERLAPPED. */
export const SOCKET_KEY = 0;
/** The completion key of a wake-up. */
export const WAKE_KEY = 1;
/** The completion key of a packet that only interrupts the waiting thread. */
export const INTERRUPT_KEY = 2;

/** Maximum entries of one GetQueuedCompletionStatusEx. */
export const ENTRIES_MAX = 256;

/** After the entries: the number of them that the system has written. */
const COUNT_OFFSET = ENTRIES_MAX * OVERLAPPED_ENTRY.size;
const COUNT_BYTES = 4;

/** Maximum finite wait, in ms. */
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

  /** Number of entries that the system has written, also from another thread: it writes the number last. */
  get count(): number {
    return Atomics.load(this.#slab.i32, COUNT_OFFSET >> 2);
  }

  /**
   * Clears the memory. A wait that times out writes no entry but reports one (on Windows too, according to Wine's tests
   * of ntdll); that entry is then an interrupt.
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
    this.handle = uninterrupted(() => this.#open());
  }

  #open(): number {
    const handle = this.#kernel32.CreateIoCompletionPort(INVALID_HANDLE_VALUE, 0, 0, 1);
    if (handle === 0) {
      throw windowsErrors.create(this.#kernel32.GetLastError(), 'CreateIoCompletionPort');
    }
    trackDescriptor(handle);
    return handle;
  }

  /** @param skipsSuccess whether operations that complete immediately bring no packet */
  associate(socket: number, skipsSuccess: boolean): void {
    if (this.#kernel32.CreateIoCompletionPort(socket, this.handle, SOCKET_KEY, 0) === 0) {
      throw windowsErrors.create(this.#kernel32.GetLastError(), 'CreateIoCompletionPort');
    }
    const modes = FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE;
    if (skipsSuccess && this.#kernel32.SetFileCompletionNotificationModes(socket, modes) === 0) {
      throw windowsErrors.create(this.#kernel32.GetLastError(), 'SetFileCompletionNotificationModes');
    }
  }

  /**
   * Dequeues up to `entriesMax` entries; returns 0 after a timeout.
   * @throws OperationError if the failure is permanent
   */
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

  /** When to dequeue again after the system had no memory; Infinity if it had. */
  get retryAt(): number {
    return this.#call.retryAt;
  }

  close(): void {
    untrackDescriptor(this.handle);
    this.#kernel32.CloseHandle(this.handle);
  }
}
