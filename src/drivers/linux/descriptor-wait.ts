/** Waiting until a descriptor is readable, on a thread of libuv's pool. */

import { POLLIN } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { pollfd } from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import { InterruptibleWait } from '../interruptible-wait.js';
import type { WaitDone } from '../waiting-thread.js';
import { WakeDescriptor } from './wake.js';

export class DescriptorWait extends InterruptibleWait<WakeDescriptor> {
  readonly #libc = libc();
  readonly #fds = new Slab(2 * pollfd.size);
  readonly #descriptor: number;

  constructor(descriptor: number) {
    super(new WakeDescriptor());
    this.#descriptor = descriptor;
  }

  override start(timeoutMs: number, done: WaitDone): void {
    const { i32, u16, address } = this.#fds;
    [this.#descriptor, this.wake.descriptor].forEach((descriptor, index) => {
      const offset = index * pollfd.size;
      i32[(offset + pollfd.fd) >> 2] = descriptor;
      u16[(offset + pollfd.events) >> 1] = POLLIN;
    });
    this.#libc.poll.async(address, 2, timeoutMs, done);
  }

  override stale(): boolean {
    return false;
  }
}
