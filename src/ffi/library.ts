/**
 * The one file that imports koffi. Everything native that overlapped calls goes through here.
 */

import { isSharedArrayBuffer } from 'node:util/types';
import './enter-koffi.js';
import koffi from 'koffi';
import { endUninterrupted, uninterrupted } from './worker-table.js';

// `enter-koffi.js` has begun it. What may make koffi throw is uninterrupted too: all but calling a declared function with
// numbers, and asking for an address.
endUninterrupted();

/** A foreign function as TypeScript sees it: plain numbers in, a plain number out. */
export type ForeignFunction = ((...args: (number | string | Uint8Array)[]) => number) & {
  /** Runs the call on a thread of libuv's pool. Whatever its arguments point to must stay referenced until the callback. */
  async: (...args: unknown[]) => void;
};

/** A native library that this system does not have, or cannot open. */
export class LibraryError extends Error {
  /** Tells it from other errors. */
  override readonly name = 'LibraryError';
  /** Node's own code for this. */
  readonly code = 'ERR_DLOPEN_FAILED';
}

/** Functions of one native library, declared by their manual's prototype. */
export class Library {
  readonly #handle;

  /** Opens a library. `null` is the process itself, so that LD_PRELOAD libraries reach our calls. */
  constructor(name: string | null) {
    try {
      this.#handle = uninterrupted(() => koffi.load(name));
    } catch (cause) {
      // koffi's message does not say which library.
      throw new LibraryError(`There is no ${name} on this system: ${(cause as Error).message}`, { cause });
    }
  }

  /** Declares one function. Addresses are declared as `int64_t` and passed as numbers: they fit in 2^53. */
  declare(prototype: string): ForeignFunction {
    return uninterrupted(() => this.#handle.func(prototype)) as unknown as ForeignFunction;
  }
}

/**
 * The function at an address that the system gave.
 * @param prototype without a name: koffi registers named types once per thread, for all copies of this package
 */
export function functionAt(address: number, prototype: string): ForeignFunction {
  return uninterrupted(() => koffi.decode(BigInt(address), koffi.proto(prototype))) as unknown as ForeignFunction;
}

/** `errno` as the last foreign call left it. Read it at once: the next foreign call replaces it. */
export function lastErrno(): number {
  return koffi.errno();
}

/** The address of the first byte of `memory`. An address keeps nothing alive: hold `memory` for as long as it is in use. */
export function addressOf(memory: ArrayBufferLike | ArrayBufferView): number {
  return Number(koffi.address(memory));
}

/**
 * The address of a caller's bytes. They do not move while `bytes` is referenced: asking for `.buffer` takes a small
 * array off V8's heap first.
 */
export function addressOfBytes(bytes: Uint8Array): number {
  // Memory that threads share is taken by its view only, and has no place on the heap to move from.
  return isSharedArrayBuffer(bytes.buffer) ? addressOf(bytes) : addressOf(bytes.buffer) + bytes.byteOffset;
}

/** A view of `byteLength` bytes of mapped memory. The mapping must outlive every use of the view. */
export function viewOf(address: number, byteLength: number): ArrayBuffer {
  return uninterrupted(() => koffi.view(BigInt(address), byteLength));
}

/** Size and field offsets that the C compiler's rules give a struct; the layout test compares our tables with it. */
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
