/**
 * The driver select's part for Linux (sockets, errors and wake-ups that all of Linux's drivers share are in
 * `drivers/linux`): sets as bitmaps of descriptors. The bitmaps may be larger than FD_SETSIZE, because the kernel reads
 * as many bits as `nfds` says; the limit that select(2) describes under "Bugs" is one of the C type.
 */

import { lastErrno } from '../../ffi/library.js';
import { EBADF, F_GETFD } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { timeval } from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import type { LoopWatch } from '../driver.js';
import { setTimeval } from '../linux/time.js';
import { WakeEvent } from '../linux/wake.js';
import { EpollMirror, MirrorWatch } from './epoll-mirror.js';
import type { SelectCall, SelectSystem } from './system.js';

/** Initial words of a bitmap: FD_SETSIZE, 1,024 descriptors. */
const WORDS_FIRST = 32;

/** A bitmap of descriptors that grows. */
class DescriptorSet {
  slab = new Slab(WORDS_FIRST * 4);

  set(descriptor: number, member: boolean): void {
    const word = descriptor >> 5;
    const mask = 1 << (descriptor & 31);
    if (member) {
      this.reach(word + 1);
      this.slab.i32[word] = (this.slab.i32[word] as number) | mask;
    } else if (word < this.slab.i32.length) {
      this.slab.i32[word] = (this.slab.i32[word] as number) & ~mask;
    }
  }

  members(): readonly number[] {
    const members: number[] = [];
    this.slab.i32.forEach((mask, word) => {
      for (let left = mask; left !== 0; left &= left - 1) {
        members.push((word << 5) | (31 - Math.clz32(left & -left)));
      }
    });
    return members;
  }

  /** Ensures room for `words` words. */
  reach(words: number): void {
    if (words > this.slab.i32.length) {
      const larger = new Slab(Math.max(2 * this.slab.byteLength, 4 * words));
      larger.i32.set(this.slab.i32);
      this.slab = larger;
    }
  }

  /** Copies the first `words` words of another set. */
  copy(other: DescriptorSet, words: number): void {
    this.reach(words);
    const from = other.slab.i32;
    this.slab.i32.set(from.length > words ? from.subarray(0, words) : from);
    this.slab.i32.fill(0, Math.min(from.length, words), words);
  }
}

export class LinuxSelect implements SelectSystem {
  readonly read = new DescriptorSet();
  readonly write = new DescriptorSet();
  readonly reportsOnce = true;
  highest = 0;
  readonly #disabledFeatures: ReadonlySet<string>;
  /** All sockets of the port. */
  readonly #added = new DescriptorSet();
  /** The same sockets in an epoll set, while Node's event loop watches it. */
  #mirror: EpollMirror | undefined;

  constructor(disabledFeatures: ReadonlySet<string>) {
    this.#disabledFeatures = disabledFeatures;
  }

  openWake(): WakeEvent {
    return new WakeEvent();
  }

  add(socket: number): number {
    this.highest = Math.max(this.highest, socket);
    this.#added.set(socket, true);
    return this.#mirror?.add(socket) ?? 0;
  }

  remove(socket: number): void {
    this.#added.set(socket, false);
  }

  wantRead(socket: number, wanted: boolean): void {
    this.read.set(socket, wanted);
  }

  wantWrite(socket: number, wanted: boolean): void {
    this.write.set(socket, wanted);
  }

  createCall(): SelectCall {
    return new BitmapCall(this);
  }

  watch(onReady: () => void): LoopWatch {
    const mirror = new EpollMirror(this.#added.members());
    this.#mirror = mirror;
    try {
      return new MirrorWatch(mirror, onReady, this.#disabledFeatures, () => {
        this.#mirror = undefined;
      });
    } catch (error) {
      this.#mirror = undefined;
      mirror.close();
      throw error;
    }
  }
}

class BitmapCall implements SelectCall {
  readonly #libc = libc();
  readonly #wanted: LinuxSelect;
  readonly #read = new DescriptorSet();
  readonly #write = new DescriptorSet();
  readonly #timeout = new Slab(timeval.size);
  #words = 0;

  constructor(wanted: LinuxSelect) {
    this.#wanted = wanted;
  }

  select(timeoutMs: number): number {
    const { highest } = this.#wanted;
    this.#copyWanted(highest);
    setTimeval(this.#timeout, 0, timeoutMs);
    const timeout = timeoutMs === Infinity ? 0 : this.#timeout.address;
    const count = this.#libc.select(highest + 1, this.#read.slab.address, this.#write.slab.address, 0, timeout);
    return count < 0 ? -lastErrno() : count;
  }

  findClosed(systemNumber: number): number {
    if (systemNumber !== EBADF) {
      return 0;
    }
    const read = this.#read.slab.i32;
    const write = this.#write.slab.i32;
    let count = 0;
    for (let word = 0; word < this.#words; word++) {
      let closed = 0;
      for (let asked = (read[word] as number) | (write[word] as number); asked !== 0; asked &= asked - 1) {
        const bit = 31 - Math.clz32(asked & -asked);
        if (this.#libc.fcntl((word << 5) | bit, F_GETFD) < 0) {
          closed |= 1 << bit;
          count++;
        }
      }
      read[word] = (read[word] as number) & closed;
      write[word] = (write[word] as number) & closed;
    }
    return count;
  }

  /** Copies the wanted sets, with room for descriptors up to `highest`. */
  #copyWanted(highest: number): void {
    this.#words = (highest >> 5) + 1;
    // The kernel reads whole longs (64 bits).
    const longWords = (this.#words + 1) & ~1;
    this.#read.copy(this.#wanted.read, longWords);
    this.#write.copy(this.#wanted.write, longWords);
  }

  forEachReady(found: (socket: number, readable: boolean, writable: boolean) => void): void {
    const read = this.#read.slab.i32;
    const write = this.#write.slab.i32;
    for (let word = 0; word < this.#words; word++) {
      let ready = (read[word] as number) | (write[word] as number);
      while (ready !== 0) {
        const bit = 31 - Math.clz32(ready & -ready);
        ready &= ready - 1;
        const mask = 1 << bit;
        found((word << 5) | bit, ((read[word] as number) & mask) !== 0, ((write[word] as number) & mask) !== 0);
      }
    }
  }
}
