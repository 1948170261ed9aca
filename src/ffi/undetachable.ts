/**
 * Memory of which programs get views while the kernel has its address. Any holder of a view can detach an ordinary
 * ArrayBuffer: a transfer list, the `enqueue` of a byte stream and `ArrayBuffer.prototype.transfer` each move the
 * memory, which may then be freed while the kernel still writes to it.
 */

/** The part of `WebAssembly` that is used here, which Node's types lack. */
interface WasmMemoryClass {
  new (descriptor: { readonly initial: number; readonly maximum: number }): { readonly buffer: ArrayBuffer };
}

const WASM_PAGE_BYTES = 65_536;

/**
 * Allocates zeroed memory that cannot be detached or resized.
 *
 * The buffer of a `WebAssembly.Memory` has a detach key that only the engine knows (WebAssembly JavaScript Interface,
 * "refresh the memory buffer"): transferring it is an error, or copies it (seen on Node 20 to 26). Only `grow` of the
 * Memory detaches it, but this Memory has its maximum size and is not kept. V8 reserves 10 GiB of addresses for each,
 * so it is for pools, not for small slabs. If the address space is limited (`ulimit -v`) or there is no WebAssembly
 * (`node --jitless`), a SharedArrayBuffer is used, which cannot be detached either, but some web APIs refuse its views.
 *
 * @throws RangeError if the system has not enough memory
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
