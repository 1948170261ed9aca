/** Writes of a corked socket, held until it is uncorked: a list, the first of which knows the last. */

import type { Done } from './writer.js';

export interface HeldWrite {
  readonly chunk: Uint8Array | string;
  readonly encoding: BufferEncoding;
  readonly callback: Done | undefined;
  next: HeldWrite | undefined;
  /** The last write of the list. Only the first write has it. */
  last: HeldWrite | undefined;
}

interface Holder {
  held: HeldWrite | undefined;
}

/** Holds one more. */
export function hold(
  holder: Holder,
  chunk: Uint8Array | string,
  encoding: BufferEncoding,
  callback: Done | undefined,
): void {
  const write: HeldWrite = { chunk, encoding, callback, next: undefined, last: undefined };
  const { held } = holder;
  if (held === undefined) {
    write.last = write;
    holder.held = write;
  } else {
    (held.last as HeldWrite).next = write;
    held.last = write;
  }
}

/** The held writes, in their order. */
export function heldWrites({ held }: Holder): HeldWrite[] {
  const writes: HeldWrite[] = [];
  for (let write = held; write !== undefined; write = write.next) {
    writes.push(write);
  }
  return writes;
}
