/**
 * Memory that programs see parts of while the kernel has its address. An ordinary ArrayBuffer can be detached by whoever
 * holds a view of it: a transfer list, the `enqueue` of a byte stream and `ArrayBuffer.prototype.transfer` each move the
 * memory away, and it may be freed while the kernel still writes to it.
 */

/** `WebAssembly` as far as it is used here; Node's types leave it out. */
interface WasmMemoryClass {
  new (descriptor: { readonly initial: number; readonly maximum: number }): { readonly buffer: ArrayBuffer };
}

const WASM_PAGE_BYTES = 65_536;

/**
 * Allocates zeroed memory that cannot be detached or resized.
 *
 * The buffer of a `WebAssembly.Memory` has a detach key that only the engine knows (WebAssembly JavaScript Interface,
 * "refresh the memory buffer"): to transfer it is an error, or copies it (seen on Node 20 to 26). Only `grow` of the Memory
 * itself detaches it; this one is as large as it may become, and nobody keeps it. V8 reserves 10 GiB of addresses for each,
 * so it serves pools, not small slabs. Where the address space is limited (`ulimit -v`), or there is no WebAssembly
 * (`node --jitless`), a SharedArrayBuffer serves: it cannot be detached either, but some web APIs refuse its views.
 *
 * @throws RangeError when the system has no memory of that size
 */
export function undetachable(byteLength: number): ArrayBuffer | SharedArrayBuffer {
  const { WebAssembly } = globalThis as { readonly WebAssembly?: { readonly Memory: WasmMemoryClass } };
  const pages = Math.ceil(byteLength / WASM_PAGE_BYTES);
  if (WebAssembly !== undefined) {
    try {
      return new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer;
    } catch (error) {
      if (!(error instanceof RangeError)) {
        throw error;
      }
    }
  }
  return new SharedArrayBuffer(byteLength);
}
