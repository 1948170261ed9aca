/** The one file that imports koffi. All native calls go through it. */

import { isSharedArrayBuffer } from 'node:util/types';
import './enter-koffi.js';
import koffi from 'koffi';
import { endUninterrupted, uninterrupted } from './worker-table.js';

// `enter-koffi.js` has begun the uninterrupted section. Everything that may make koffi throw is uninterrupted, too: all
// but calls of declared functions with numbers, and taking addresses.
endUninterrupted();

/** A foreign function: takes numbers and returns a number. */
export type ForeignFunction = ((...args: (number | string | Uint8Array)[]) => number) & {
  /**
   * Makes the call on a thread of libuv's pool. The memory that its arguments point to must stay referenced until the
   * callback.
   */
  async: (...args: unknown[]) => void;
};

/** A native library that this system does not have, or cannot open. */
export class LibraryError extends Error {
  /** Tells it from other errors. */
  override readonly name = 'LibraryError';
  /** Node's own code for this. */
  readonly code = 'ERR_DLOPEN_FAILED';
}

/** A native library, whose functions are declared by the prototypes of their manual pages. */
export class Library {
  readonly #handle;

  /** Opens a library. `null` is the process itself, so that LD_PRELOAD can replace functions. */
  constructor(name: string | null) {
    try {
      this.#handle = uninterrupted(() => koffi.load(name));
    } catch (cause) {
      // koffi's message does not say which library.
      throw new LibraryError(`There is no ${name} on this system: ${(cause as Error).message}`, { cause });
    }
  }

  /**
   * Declares one function. Addresses are declared as `int64_t` and passed as numbers, because they are below 2 ** 53.
   */
  declare(prototype: string): ForeignFunction {
    return uninterrupted(() => this.#handle.func(prototype)) as unknown as ForeignFunction;
  }
}

/**
 * Returns the function at an address that the system has returned.
 * @param prototype without a name: koffi registers named types once per thread, for all copies of this package
 */
export function functionAt(address: number, prototype: string): ForeignFunction {
  return uninterrupted(() => koffi.decode(BigInt(address), koffi.proto(prototype))) as unknown as ForeignFunction;
}

/** The `errno` of the last foreign call. Read it immediately: the next foreign call overwrites it. */
export function lastErrno(): number {
  return koffi.errno();
}

/**
 * The address of the first byte of `memory`. An address keeps nothing alive: hold `memory` as long as the address is
 * used.
 */
export function addressOf(memory: ArrayBufferLike | ArrayBufferView): number {
  return Number(koffi.address(memory));
}

/**
 * The address of a caller's bytes. They do not move while `bytes` is referenced: reading `.buffer` moves a small array
 * off V8's heap first.
 */
export function addressOfBytes(bytes: Uint8Array): number {
  // koffi takes shared memory only as a view. Shared memory is never on V8's heap, so it cannot move.
  return isSharedArrayBuffer(bytes.buffer) ? addressOf(bytes) : addressOf(bytes.buffer) + bytes.byteOffset;
}

/** A view of `byteLength` bytes of memory at an address. The memory must outlive every use of the view. */
export function viewOf(address: number, byteLength: number): ArrayBuffer {
  return uninterrupted(() => koffi.view(BigInt(address), byteLength));
}

/**
 * Size and field offsets of a struct by the C compiler's rules. The layout test compares the offset tables with them.
 */
export function layoutOf(
  fields: Readonly<Record<string, string>>,
  packed = false,
): { size: number; offsets: Readonly<Record<string, number>> } {
  const type = packed ? koffi.pack(fields) : koffi.struct(fields);
  const offsets: Record<string, number> = {};
  for (const name of Object.keys(fields)) {
    offsets[name] = koffi.offsetof(type, name);
  }
  return { size: koffi.sizeof(type), offsets };
}
