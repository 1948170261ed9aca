/** Wake-ups on Linux: a descriptor that any thread can write. */

import { lastErrno } from '../../ffi/library.js';
import { EAGAIN, EFD_CLOEXEC, EFD_NONBLOCK, EINTR, O_CLOEXEC, O_NONBLOCK } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { lazySlab, Slab } from '../../ffi/memory.js';
import { trackDescriptor } from '../common/resources.js';
import type { Wake } from '../common/wakeable-wait.js';
import { closeDescriptor } from './descriptors.js';
import { linuxErrors } from './errors.js';

const TRIES_MAX = 16;

const one = lazySlab(8);

/** Posts a wake-up: adds one to an eventfd, or writes eight bytes to a pipe. If it is full, it is readable anyway. */
export function wakeDescriptor(descriptor: number): void {
  const { address, u32 } = one();
  u32[0] = 1;
  const errno = retryOnSignal(() => libc().write(descriptor, address, 8)) < 0 ? lastErrno() : 0;
  if (errno !== 0 && errno !== EAGAIN) {
    throw linuxErrors.create(errno, 'write');
  }
}

/** Repeats a call that a signal interrupts. These calls never block, so that is rare. */
function retryOnSignal(call: () => number): number {
  for (let tries = 1; ; tries++) {
    const result = call();
    if (result >= 0 || tries === TRIES_MAX || lastErrno() !== EINTR) {
      return result;
    }
  }
}

/** An eventfd: both ends of the wake-up are the same descriptor. */
export class WakeEvent implements Wake {
  readonly descriptor: number;
  readonly #libc = libc();
  readonly #counter = new Slab(8);

  constructor() {
    this.descriptor = this.#libc.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (this.descriptor < 0) {
      throw linuxErrors.create(lastErrno(), 'eventfd');
    }
    trackDescriptor(this.descriptor);
  }

  get readable(): number {
    return this.descriptor;
  }

  wake(): void {
    wakeDescriptor(this.descriptor);
  }

  /** Returns the number of wake-ups since the last call. */
  take(): number {
    const { address, u32 } = this.#counter;
    return retryOnSignal(() => this.#libc.read(this.descriptor, address, 8)) < 0 ? 0 : (u32[0] as number);
  }

  close(): void {
    closeDescriptor(this.descriptor);
  }
}

/** Bytes that a pipe holds (pipe(7)). */
const PIPE_BYTES = 65536;

/** A pipe, for io_uring: the kernel does not signal a ring's own eventfd from inside the wake-up of another eventfd. */
export class WakePipe {
  /** The end that is written. */
  readonly descriptor: number;
  /** The end that becomes readable. */
  readonly readable: number;
  readonly #libc = libc();
  readonly #bytes = new Slab(PIPE_BYTES);

  constructor() {
    if (this.#libc.pipe2(this.#bytes.address, O_CLOEXEC | O_NONBLOCK) < 0) {
      throw linuxErrors.create(lastErrno(), 'pipe2');
    }
    [this.readable, this.descriptor] = this.#bytes.i32 as unknown as [readable: number, writable: number];
    trackDescriptor(this.readable);
    trackDescriptor(this.descriptor);
  }

  /** Returns the number of wake-ups since the last call. */
  take(): number {
    const bytes = retryOnSignal(() => this.#libc.read(this.readable, this.#bytes.address, PIPE_BYTES));
    return bytes < 0 ? 0 : bytes >> 3;
  }

  close(): void {
    closeDescriptor(this.readable);
    closeDescriptor(this.descriptor);
  }
}
