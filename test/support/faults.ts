/**
 * Calls of the C library that fail now and then: replaces functions in our table of them, in this thread only. What other
 * libraries call, Node's own sockets above all, is not touched.
 */

import koffi from 'koffi';
import { libc } from '../../src/ffi/linux/libc.js';

export const ERRNO = {
  EPERM: 1,
  EINTR: 4,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EBUSY: 16,
  ENFILE: 23,
  EMFILE: 24,
  ENOSPC: 28,
  ENOBUFS: 105,
};

/** System calls that are made by their number. */
const BY_NUMBER: Readonly<Record<string, number>> = {
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  io_submit: process.arch === 'x64' ? 209 : 2,
  io_setup: process.arch === 'x64' ? 206 : 0,
};

type Call = (...args: number[]) => number;
type Table = Record<string, Call>;

export class Faults {
  /** Calls that were made, and those of them that failed. */
  calls = 0;
  failed = 0;
  readonly #error: keyof typeof ERRNO;
  readonly #fails: (call: number) => boolean;
  readonly #restore: (() => void)[] = [];

  /**
   * @param name of a function of the C library, or of a system call that is made by its number
   * @param fails whether the call with this number, from 1 on, fails
   */
  constructor(name: string, error: keyof typeof ERRNO, fails: (call: number) => boolean) {
    this.#error = error;
    this.#fails = fails;
    const number = BY_NUMBER[name];
    const matches = number === undefined ? () => true : (first: number | undefined) => first === number;
    for (const wrapped of number === undefined ? [name] : ['syscall', 'syscall3', 'syscallEnter']) {
      this.#wrap(wrapped, matches);
    }
  }

  #wrap(name: string, matches: (first: number | undefined) => boolean): void {
    const table = libc() as unknown as Table;
    const real = table[name] as Call & { async: unknown };
    const wrapper = (...args: number[]): number => {
      if (!matches(args[0])) {
        return real(...args);
      }
      this.calls++;
      if (!this.#fails(this.calls)) {
        return real(...args);
      }
      this.failed++;
      koffi.errno(ERRNO[this.#error]);
      return -1;
    };
    table[name] = Object.assign(wrapper, { async: real.async });
    this.#restore.push(() => {
      table[name] = real;
    });
  }

  /** Calls go well from now on. */
  end(): void {
    this.#restore.splice(0).forEach((restore) => restore());
  }
}

/** Runs a body while calls fail. */
export async function withFaults<T>(
  name: string,
  error: keyof typeof ERRNO,
  fails: (call: number) => boolean,
  body: (faults: Faults) => Promise<T> | T,
): Promise<T> {
  const faults = new Faults(name, error, fails);
  try {
    return await body(faults);
  } finally {
    faults.end();
  }
}
