/** Foreign libraries, functions and addresses. All native calls go through this file. */

import { isSharedArrayBuffer } from 'node:util/types';
import { type Koffi, loadedKoffi, loadKoffi } from './koffi.js';
import { standInAddress, useStandIns, usesStandIns } from './stand-in-addresses.js';
import { uninterrupted } from './worker-table.js';

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
  readonly #handle: ReturnType<Koffi['load']>;

  /**
   * Opens a library. `null` is the process itself, so that LD_PRELOAD can replace functions.
   * @param apart it calls functions of its own and of the libraries that it needs, even if the process exports others of
   * the same names
   */
  constructor(name: string | null, apart = false) {
    const koffi = loadKoffi();
    try {
      this.#handle = uninterrupted(() => koffi.load(name, { deep: apart }));
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

  /** The address of a function, to pass it to another one. */
  addressOf(name: string): number {
    const koffi = loadKoffi();
    return uninterrupted(() => Number(koffi.address(this.#handle.symbol(name, 'void'))));
  }
}

/** A function of JavaScript that native code can call, on the thread that has made it and during its own native calls. */
export class ForeignCallback {
  /** Its address, for as long as this object is not released. */
  readonly address: number;
  readonly #pointer: bigint;

  /** @param prototype without a name. @param call must not throw */
  constructor(prototype: string, call: (...args: never[]) => unknown) {
    const koffi = loadKoffi();
    this.#pointer = uninterrupted(() => koffi.register(call, koffi.pointer(koffi.proto(prototype)))) as bigint;
    this.address = Number(koffi.address(this.#pointer));
  }

  /** Native code must not call it any more. */
  release(): void {
    const koffi = loadKoffi();
    uninterrupted(() => koffi.unregister(this.#pointer));
  }
}

/**
 * Returns the function at an address that the system has returned.
 * @param prototype without a name: koffi registers named types once per thread, for all copies of this package
 */
export function functionAt(address: number, prototype: string): ForeignFunction {
  const koffi = loadKoffi();
  return uninterrupted(() => koffi.decode(BigInt(address), koffi.proto(prototype))) as unknown as ForeignFunction;
}

/** The `errno` of the last foreign call. Read it immediately: the next foreign call overwrites it. */
export function lastErrno(): number {
  return (loadedKoffi() as Koffi).errno();
}

/** Loads koffi, unless this thread does without. */
function koffiForAddresses(): Koffi | undefined {
  if (usesStandIns()) {
    return undefined;
  }
  try {
    return loadKoffi();
  } catch {
    // The probes of the drivers report it.
    useStandIns();
    return undefined;
  }
}

/**
 * The address of the first byte of `memory`, or a number that stands for it in a thread without koffi. An address keeps
 * nothing alive: hold `memory` as long as the address is used.
 */
export function addressOf(memory: ArrayBufferLike | ArrayBufferView): number {
  const koffi = loadedKoffi() ?? koffiForAddresses();
  if (koffi !== undefined) {
    return Number(koffi.address(memory));
  }
  return ArrayBuffer.isView(memory) ? standInAddress(memory.buffer) + memory.byteOffset : standInAddress(memory);
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
  const koffi = loadKoffi();
  return uninterrupted(() => koffi.view(BigInt(address), byteLength));
}

/**
 * Size and field offsets of a struct by the C compiler's rules. The layout test compares the offset tables with them.
 */
export function layoutOf(
  fields: Readonly<Record<string, string>>,
  packed = false,
): { size: number; offsets: Readonly<Record<string, number>> } {
  const koffi = loadKoffi();
  const type = packed ? koffi.pack(fields) : koffi.struct(fields);
  const offsets: Record<string, number> = {};
  for (const name of Object.keys(fields)) {
    offsets[name] = koffi.offsetof(type, name);
  }
  return { size: koffi.sizeof(type), offsets };
}
