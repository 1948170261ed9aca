/**
 * Readiness from select: bitmaps of descriptors, asked anew at each wait. The bitmaps are ours, so on Linux they may
 * be larger than FD_SETSIZE: the kernel looks at as many bits as it is told (select(2), "Bugs" speaks of the type).
 */

import { libc } from '../../ffi/linux/libc.js';
import { timeval } from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import type { LoopWatch } from '../driver.js';
import { InterruptibleWait } from '../linux/descriptor-wait.js';
import { setTimeval } from '../linux/time.js';
import { WakeDescriptor } from '../linux/wake.js';
import type { Poller, ReadinessSink } from '../readiness/poller.js';
import { WaitingThread } from '../waiting-thread.js';

/** Words of a bitmap at first: FD_SETSIZE, 1,024 descriptors. */
const WORDS_FIRST = 32;

/** A set of descriptors that grows. */
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

  /** Makes room for `words` words. */
  reach(words: number): void {
    if (words > this.slab.i32.length) {
      const larger = new Slab(Math.max(2 * this.slab.byteLength, 4 * words));
      larger.i32.set(this.slab.i32);
      this.slab = larger;
    }
  }

  /** Makes the first `words` words the same as another set's. */
  copy(other: DescriptorSet, words: number): void {
    this.reach(words);
    const from = other.slab.i32;
    this.slab.i32.set(from.length > words ? from.subarray(0, words) : from);
    this.slab.i32.fill(0, Math.min(from.length, words), words);
  }
}

export class SelectPoller implements Poller {
  readonly #libc = libc();
  readonly #wake = new WakeDescriptor();
  readonly #timeout = new Slab(timeval.size);
  /** What is asked for, and select's answer. */
  readonly #wanted = { read: new DescriptorSet(), write: new DescriptorSet() };
  readonly #answer = { read: new DescriptorSet(), write: new DescriptorSet() };
  #generations = new Int32Array(WORDS_FIRST * 32);
  #highest: number;
  /** Counts changes of what is asked for, so that a waiting thread knows when it is out of date. */
  changes = 0;
  /** Where the next answer is read from first: with a bound on events, a fixed start would starve high numbers. */
  #startWord = 0;

  constructor() {
    this.#highest = this.#wake.descriptor;
    this.#wanted.read.set(this.#wake.descriptor, true);
  }

  add(socket: number, generation: number): number {
    if (socket >= this.#generations.length) {
      const larger = new Int32Array(Math.max(2 * this.#generations.length, socket + 1));
      larger.set(this.#generations);
      this.#generations = larger;
    }
    this.#generations[socket] = generation;
    this.#highest = Math.max(this.#highest, socket);
    return 0;
  }

  remove(socket: number): void {
    this.wantRead(socket, false);
    this.wantWrite(socket, false);
  }

  wantRead(socket: number, wanted: boolean): void {
    this.#wanted.read.set(socket, wanted);
    this.changes++;
  }

  wantWrite(socket: number, wanted: boolean): void {
    this.#wanted.write.set(socket, wanted);
    this.changes++;
  }

  wait(sink: ReadinessSink, eventsMax: number, timeoutMs: number): number {
    const { read, write } = this.#answer;
    const words = (this.#highest >> 5) + 1;
    const descriptors = this.prepare(read, write);
    setTimeval(this.#timeout, 0, timeoutMs);
    const timeout = timeoutMs === Infinity ? 0 : this.#timeout.address;
    const count = this.#libc.select(descriptors, read.slab.address, write.slab.address, 0, timeout);
    // -1 is EINTR: the sets are undefined then.
    return count <= 0 ? 0 : this.#report(sink, Math.min(eventsMax, count), words);
  }

  /** Copies what is asked for into sets for one call; returns the first argument of select. */
  prepare(read: DescriptorSet, write: DescriptorSet): number {
    const words = (this.#highest >> 5) + 1;
    // The kernel reads whole longs (64 bits).
    const longWords = (words + 1) & ~1;
    read.copy(this.#wanted.read, longWords);
    write.copy(this.#wanted.write, longWords);
    return this.#highest + 1;
  }

  #report(sink: ReadinessSink, eventsMax: number, words: number): number {
    const read = this.#answer.read.slab.i32;
    const write = this.#answer.write.slab.i32;
    let reported = 0;
    for (let step = 0; step < words && reported < eventsMax; step++) {
      const word = (this.#startWord + step) % words;
      let ready = (read[word] as number) | (write[word] as number);
      while (ready !== 0) {
        const bit = 31 - Math.clz32(ready & -ready);
        ready &= ready - 1;
        const mask = 1 << bit;
        this.#reportOne(
          sink,
          (word << 5) | bit,
          ((read[word] as number) & mask) !== 0,
          ((write[word] as number) & mask) !== 0,
        );
        reported++;
      }
      if (reported >= eventsMax) {
        this.#startWord = (word + 1) % words;
      }
    }
    return reported;
  }

  #reportOne(sink: ReadinessSink, descriptor: number, readable: boolean, writable: boolean): void {
    if (descriptor === this.#wake.descriptor) {
      sink.wakeUp(this.#wake.take());
      return;
    }
    // The driver remembers that it is ready; asking again would only bring the same answer.
    if (readable) {
      this.wantRead(descriptor, false);
    }
    if (writable) {
      this.wantWrite(descriptor, false);
    }
    sink.ready(descriptor, this.#generations[descriptor] as number, readable, writable, false);
  }

  get wakeDescriptor(): number {
    return this.#wake.descriptor;
  }

  watch(onReady: () => void): LoopWatch {
    return new WaitingThread(
      'a waiting thread, because select has no descriptor to watch',
      new SelectWait(this),
      onReady,
    );
  }

  close(): void {
    this.#wake.close();
  }
}

/** select on a thread of libuv's pool, with sets of its own. */
class SelectWait extends InterruptibleWait {
  readonly #libc = libc();
  readonly #poller: SelectPoller;
  readonly #timeout = new Slab(timeval.size);
  readonly #read = new DescriptorSet();
  readonly #write = new DescriptorSet();
  #changesSeen = 0;

  constructor(poller: SelectPoller) {
    super();
    this.#poller = poller;
  }

  override start(timeoutMs: number, done: () => void): void {
    const interrupt = this.wake.descriptor;
    this.#changesSeen = this.#poller.changes;
    const count = this.#poller.prepare(this.#read, this.#write);
    this.#read.set(interrupt, true);
    this.#write.reach(this.#read.slab.i32.length);
    setTimeval(this.#timeout, 0, timeoutMs);
    this.#libc.select.async(
      Math.max(count, interrupt + 1),
      this.#read.slab.address,
      this.#write.slab.address,
      0,
      this.#timeout.address,
      done,
    );
  }

  override stale(): boolean {
    return this.#changesSeen !== this.#poller.changes;
  }
}
