/** A poll call on another thread that waits until a descriptor is readable. */

import { POLLIN } from '../../ffi/linux/constants.js';
import { pollfd } from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import { WakeableWait } from '../common/wakeable-wait.js';
import { WakeEvent } from './wake.js';

export class DescriptorWait extends WakeableWait {
  override readonly call = 'poll';
  readonly #fds = new Slab(2 * pollfd.size);
  readonly #descriptor: number;

  constructor(descriptor: number) {
    super(new WakeEvent());
    this.#descriptor = descriptor;
  }

  override begin(timeoutMs: number): readonly number[] {
    const { i32, u16, address } = this.#fds;
    [this.#descriptor, this.wake.descriptor].forEach((descriptor, index) => {
      const offset = index * pollfd.size;
      i32[(offset + pollfd.fd) >> 2] = descriptor;
      u16[(offset + pollfd.events) >> 1] = POLLIN;
    });
    return [address, 2, timeoutMs];
  }

  override stale(): boolean {
    return false;
  }
}
