/** How a program takes memory away from under those that hold a view of it. */

import { ReadableStream } from 'node:stream/web';

/** The types of `transfer` and resizable buffers in a newer Node. */
interface NewerBuffer extends ArrayBuffer {
  resize?(byteLength: number): void;
  transfer?(): ArrayBuffer;
}

type ResizableClass = new (byteLength: number, options: { readonly maxByteLength: number }) => NewerBuffer;

/** Detaches the memory of `bytes`; returns it under its new owner. */
export function transferred(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(structuredClone(bytes.buffer as ArrayBuffer, { transfer: [bytes.buffer as ArrayBuffer] }));
}

/** Each way to detach the memory of `bytes`, by its name. Each may throw, where the memory cannot be detached. */
export const DETACHING: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  structuredClone: transferred,
  postMessage(bytes) {
    const { port1, port2 } = new MessageChannel();
    try {
      port1.postMessage(bytes, [bytes.buffer as ArrayBuffer]);
    } finally {
      port1.close();
      port2.close();
    }
  },
  'enqueue of a byte stream': (bytes) =>
    new ReadableStream({ type: 'bytes', start: (controller) => controller.enqueue(bytes) }),
  'ArrayBuffer.prototype.transfer': (bytes) => (bytes.buffer as NewerBuffer).transfer?.(),
};

/** Bytes in memory that can shrink. */
export function shrinkable(byteLength: number): { readonly bytes: Uint8Array; readonly shrink: () => void } {
  const memory = new (ArrayBuffer as unknown as ResizableClass)(byteLength, { maxByteLength: byteLength });
  return { bytes: new Uint8Array(memory), shrink: () => memory.resize?.(0) };
}
