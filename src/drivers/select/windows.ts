/**
 * select on Windows: counted arrays of SOCKETs. They are ours, so they may be longer than FD_SETSIZE: the system takes
 * their count from themselves.
 */

import { Slab } from '../../ffi/memory.js';
import { INVALID_SOCKET, SO_TYPE, SOL_SOCKET, WSAENOTSOCK } from '../../ffi/windows/constants.js';
import { fd_set, timeval } from '../../ffi/windows/structs.js';
import { ws2_32 } from '../../ffi/windows/ws2_32.js';
import { InterruptibleWait } from '../common/interruptible-wait.js';
import { WaitingThread } from '../common/waiting-thread.js';
import type { LoopWatch } from '../driver.js';
import type { WindowsNonBlocking } from '../windows/non-blocking.js';
import type { SocketRecords } from '../windows/socket-records.js';
import { setTimeval } from '../windows/time.js';
import { WakeSockets } from '../windows/wake.js';
import type { SelectCall, SelectSystem, SelectWake } from './system.js';

/** Room of a set at first: FD_SETSIZE. */
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

  /** Leaves only the handles that are to be kept. */
  keep(isKept: (handle: number) => boolean): void {
    const handles = Array.from({ length: this.count }, (_, index) => this.handleAt(index)).filter(isKept);
    this.clear();
    handles.forEach((handle) => this.add(handle));
  }

  /** For select: a set that is passed must not be empty ("select function", "Remarks"). */
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
  /** Counts changes of what is wanted, so that a waiting thread knows when it is out of date. */
  changes = 0;
  readonly #sockets: WindowsNonBlocking;

  constructor(sockets: WindowsNonBlocking) {
    this.#sockets = sockets;
    this.records = sockets.records;
  }

  openWake(): WakeSockets {
    return new WakeSockets(this.#sockets);
  }

  /** An earlier socket with the same handle was closed: select is no longer asked for it. */
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
    return new WaitingThread('a waiting thread in select', new SelectWait(this), onReady);
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
      // A listener is closed before its accept has ended, and one closed socket would fail the call for all.
      if (handle !== INVALID_SOCKET) {
        read.add(handle);
      }
    }
    for (const socket of this.#wanted.write) {
      const { handle, connecting } = records.of(socket);
      write.add(handle);
      if (connecting) {
        // That connecting failed is told here only; of a connected socket it would tell urgent data.
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

  /** Parameters of a call on another thread, which also waits for `interrupt`. */
  parameters(timeoutMs: number, interrupt: SelectWake): readonly number[] {
    this.#writeWanted();
    this.#read.add(this.#wanted.records.of(interrupt.socket).handle);
    setTimeval(this.#timeout, 0, timeoutMs);
    return [0, this.#read.address, this.#write.address, this.#except.address, this.#timeout.address];
  }
}

/** select on another thread, with sets of its own. */
class SelectWait extends InterruptibleWait<SelectWake> {
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
