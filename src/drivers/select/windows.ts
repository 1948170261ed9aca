/**
 * The driver select's part for Windows (sockets, errors and wake-ups that both of Windows' drivers share are in
 * `drivers/windows`): sets as counted arrays of SOCKETs. An array may be longer than FD_SETSIZE, because the system
 * reads its length from `fd_count`.
 */

import { Slab } from '../../ffi/memory.js';
import { INVALID_SOCKET, SO_TYPE, SOL_SOCKET, WSAENOTSOCK } from '../../ffi/windows/constants.js';
import { fd_set, timeval } from '../../ffi/windows/structs.js';
import { ws2_32 } from '../../ffi/windows/ws2_32.js';
import { ThreadWatch } from '../common/thread-watch.js';
import { type Wake, WakeableWait } from '../common/wakeable-wait.js';
import type { LoopWatch } from '../driver.js';
import type { WindowsNonBlocking } from '../windows/non-blocking.js';
import type { SocketRecords } from '../windows/socket-records.js';
import { setTimeval } from '../windows/time.js';
import { WakeSockets } from '../windows/wake.js';
import type { SelectCall, SelectSystem } from './system.js';

/** Initial capacity of a set: FD_SETSIZE. */
const HANDLES_FIRST = 64;
const HANDLE_BYTES = fd_set.size - fd_set.fd_array;

/** Memory for getsockopt: the option's value and the length of it. */
const ANSWER = { value: 0, length: 4, size: 8 } as const;

/** An fd_set that grows. */
class HandleSet {
  #slab = new Slab(fd_set.fd_array + HANDLES_FIRST * HANDLE_BYTES);

  get count(): number {
    return this.#slab.u32[fd_set.fd_count >> 2] as number;
  }

  clear(): void {
    this.#slab.u32[fd_set.fd_count >> 2] = 0;
  }

  add(handle: number): void {
    const { count } = this;
    const offset = fd_set.fd_array + count * HANDLE_BYTES;
    if (offset === this.#slab.byteLength) {
      const larger = new Slab(2 * offset);
      larger.u8.set(this.#slab.u8);
      this.#slab = larger;
    }
    this.#slab.setAddress(offset, handle);
    this.#slab.u32[fd_set.fd_count >> 2] = count + 1;
  }

  handleAt(index: number): number {
    return this.#slab.addressAt(fd_set.fd_array + index * HANDLE_BYTES);
  }

  /** Removes every handle for which `isKept` is false. */
  keep(isKept: (handle: number) => boolean): void {
    const handles = Array.from({ length: this.count }, (_, index) => this.handleAt(index)).filter(isKept);
    this.clear();
    handles.forEach((handle) => this.add(handle));
  }

  /** The set's address, or 0 if it is empty: select refuses an empty set ("select function", "Remarks"). */
  get address(): number {
    return this.count === 0 ? 0 : this.#slab.address;
  }
}

export class WindowsSelect implements SelectSystem {
  readonly read = new Set<number>();
  readonly write = new Set<number>();
  readonly reportsOnce = false;
  readonly socketOfHandle = new Map<number, number>();
  readonly records: SocketRecords;
  /** Number of changes of the wanted sets. A waiting thread compares it to learn whether its sets are stale. */
  changes = 0;
  readonly #sockets: WindowsNonBlocking;

  constructor(sockets: WindowsNonBlocking) {
    this.#sockets = sockets;
    this.records = sockets.records;
  }

  openWake(): WakeSockets {
    return new WakeSockets(this.#sockets);
  }

  /** An earlier socket with the same handle was closed, and is no longer in the sets. */
  add(socket: number): number {
    this.socketOfHandle.set(this.records.of(socket).handle, socket);
    return 0;
  }

  remove(_socket: number): void {}

  wantRead(socket: number, wanted: boolean): void {
    setMember(this.read, socket, wanted);
    this.changes++;
  }

  wantWrite(socket: number, wanted: boolean): void {
    setMember(this.write, socket, wanted);
    this.changes++;
  }

  createCall(): SelectCall {
    return new CountedCall(this);
  }

  watch(onReady: () => void): LoopWatch {
    return new ThreadWatch('a waiting thread in select', new SelectWait(this), onReady);
  }
}

function setMember(set: Set<number>, socket: number, member: boolean): void {
  if (member) {
    set.add(socket);
  } else {
    set.delete(socket);
  }
}

class CountedCall implements SelectCall {
  readonly #ws2_32 = ws2_32();
  readonly #wanted: WindowsSelect;
  readonly #read = new HandleSet();
  readonly #write = new HandleSet();
  readonly #except = new HandleSet();
  readonly #timeout = new Slab(timeval.size);
  readonly #answer = new Slab(ANSWER.size);

  constructor(wanted: WindowsSelect) {
    this.#wanted = wanted;
  }

  select(timeoutMs: number): number {
    this.#writeWanted();
    setTimeval(this.#timeout, 0, timeoutMs);
    const [read, write, except] = [this.#read.address, this.#write.address, this.#except.address];
    const timeout = timeoutMs === Infinity ? 0 : this.#timeout.address;
    const count = this.#ws2_32.select(0, read, write, except, timeout);
    return count < 0 ? -this.#ws2_32.WSAGetLastError() : count;
  }

  findClosed(systemNumber: number): number {
    if (systemNumber !== WSAENOTSOCK) {
      return 0;
    }
    this.#writeWanted();
    const { u32, address } = this.#answer;
    const isClosed = (handle: number): boolean => {
      u32[ANSWER.length >> 2] = ANSWER.length - ANSWER.value;
      return this.#ws2_32.getsockopt(handle, SOL_SOCKET, SO_TYPE, address + ANSWER.value, address + ANSWER.length) < 0;
    };
    let count = 0;
    for (const set of [this.#read, this.#write, this.#except]) {
      set.keep(isClosed);
      count += set.count;
    }
    return count;
  }

  #writeWanted(): void {
    const [read, write, except] = [this.#read, this.#write, this.#except];
    const { records } = this.#wanted;
    read.clear();
    write.clear();
    except.clear();
    for (const socket of this.#wanted.read) {
      const { handle } = records.of(socket);
      // A listener is closed before its accept has ended, and one closed socket would make the call fail for all.
      if (handle !== INVALID_SOCKET) {
        read.add(handle);
      }
    }
    for (const socket of this.#wanted.write) {
      const { handle, connecting } = records.of(socket);
      write.add(handle);
      if (connecting) {
        // Only this set reports a failed connect. For a connected socket it would report urgent data.
        except.add(handle);
      }
    }
  }

  forEachReady(found: (socket: number, readable: boolean, writable: boolean) => void): void {
    for (const set of [this.#read, this.#write, this.#except]) {
      for (let index = 0; index < set.count; index++) {
        const socket = this.#wanted.socketOfHandle.get(set.handleAt(index)) as number;
        found(socket, set === this.#read, set !== this.#read);
      }
    }
  }

  /** Parameters of a call on another thread. The call also waits for `interrupt`. */
  parameters(timeoutMs: number, interrupt: Wake): readonly number[] {
    this.#writeWanted();
    this.#read.add(this.#wanted.records.of(interrupt.readable).handle);
    setTimeval(this.#timeout, 0, timeoutMs);
    return [0, this.#read.address, this.#write.address, this.#except.address, this.#timeout.address];
  }
}

/** A select call on another thread, with its own sets. */
class SelectWait extends WakeableWait {
  override readonly call = 'select';
  readonly #wanted: WindowsSelect;
  readonly #call: CountedCall;
  #changesSeen = 0;

  constructor(wanted: WindowsSelect) {
    super(wanted.openWake());
    this.#wanted = wanted;
    this.#call = new CountedCall(wanted);
  }

  override begin(timeoutMs: number): readonly number[] {
    this.#changesSeen = this.#wanted.changes;
    return this.#call.parameters(timeoutMs, this.wake);
  }

  override stale(): boolean {
    return this.#changesSeen !== this.#wanted.changes;
  }
}
