/** Wake-ups on Linux: a descriptor that any thread may write. */

import { lastErrno } from '../../ffi/library.js';
import { EAGAIN, EFD_CLOEXEC, EFD_NONBLOCK, EINTR, O_CLOEXEC, O_NONBLOCK } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { Slab } from '../../ffi/memory.js';
import { opened } from '../common/resources.js';
import { closeDescriptor } from './descriptors.js';
import { linuxErrors } from './errors.js';

const TRIES_MAX = 16;

let one: Slab | undefined;

/** Posts a wake-up: one to an eventfd, eight bytes to a pipe. When it can take no more, it is readable anyway. */
export function wakeDescriptor(descriptor: number): void {
  one ??= new Slab(8);
  one.u32[0] = 1;
  const { address } = one;
  const errno = uninterrupted(() => libc().write(descriptor, address, 8)) < 0 ? lastErrno() : 0;
  if (errno !== 0 && errno !== EAGAIN) {
    throw linuxErrors.create(errno, 'write');
  }
}

/** A call again until no signal interrupts it. These never block, so that hardly happens. */
function uninterrupted(call: () => number): number {
  for (let tries = 1; ; tries++) {
    const result = call();
    if (result >= 0 || tries === TRIES_MAX || lastErrno() !== EINTR) {
      return result;
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
    opened(this.descriptor);
  }

  /** As select knows it: a descriptor, like the sockets. */
  get socket(): number {
    return this.descriptor;
  }

  wake(): void {
    wakeDescriptor(this.descriptor);
  }

  /** The wake-ups since the last call. */
  take(): number {
    const { address, u32 } = this.#counter;
    return uninterrupted(() => this.#libc.read(this.descriptor, address, 8)) < 0 ? 0 : (u32[0] as number);
  }

  close(): void {
    closeDescriptor(this.descriptor);
  }
}

/** Bytes that a pipe holds (pipe(7)). */
const PIPE_BYTES = 65536;

/** The same by a pipe, for io_uring, whose notifications may not come from the wake-up of an eventfd. */
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
    opened(this.readable);
    opened(this.descriptor);
  }

  /** The wake-ups since the last call. */
  take(): number {
    const bytes = uninterrupted(() => this.#libc.read(this.readable, this.#bytes.address, PIPE_BYTES));
    return bytes < 0 ? 0 : bytes >> 3;
  }

  close(): void {
    closeDescriptor(this.readable);
    closeDescriptor(this.descriptor);
  }
}
