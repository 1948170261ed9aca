/** Wake-ups on Linux: an eventfd that any thread may write. */

import { EAGAIN, EFD_CLOEXEC, EFD_NONBLOCK } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { lastErrno } from '../../ffi/library.js';
import { Slab } from '../../ffi/memory.js';
import { linuxErrors } from './errors.js';

let one: Slab | undefined;

/** Adds one to an eventfd, of any thread of this process. At its limit of 2^64-2 nothing is added: it is readable anyway. */
export function wakeDescriptor(descriptor: number): void {
  one ??= new Slab(8);
  one.u32[0] = 1;
  if (libc().write(descriptor, one.address, 8) < 0) {
    const errno = lastErrno();
    if (errno !== EAGAIN) {
      throw linuxErrors.create(errno, 'write');
    }
  }
}

/** An eventfd with its eight bytes of memory. */
export class WakeDescriptor {
  readonly descriptor: number;
  readonly #libc = libc();
  readonly #counter = new Slab(8);

  constructor() {
    this.descriptor = this.#libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (this.descriptor < 0) {
      throw linuxErrors.create(lastErrno(), 'eventfd');
    }
  }

  wake(): void {
    wakeDescriptor(this.descriptor);
  }

  /** The wake-ups since the last call. */
  take(): number {
    return this.#libc.read(this.descriptor, this.#counter.address, 8) < 0 ? 0 : (this.#counter.u32[0] as number);
  }

  close(): void {
    this.#libc.close(this.descriptor);
  }
}
