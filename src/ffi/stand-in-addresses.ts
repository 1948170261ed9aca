/**
 * Numbers that stand for addresses while koffi is not loaded, in threads that can do without: those with a port on the
 * driver `node`, and those where koffi cannot be loaded. The layers above the drivers only compare and add
 * addresses, and the driver `node` finds the bytes by their owner. No system call may get such a number. If one did, the
 * system would refuse it: no process of a supported system has memory from 2 ** 52 on.
 */

const FIRST = 2 ** 52;
const LAST = 2 ** 53 - 2 ** 40;

/** Memory is this far apart, so that the end of one never looks like the start of another. */
const STEP_BYTES = 4096;

let used = false;
let next = FIRST;
const starts = new WeakMap<ArrayBufferLike, number>();

/** From now on this thread does not load koffi only to learn an address. */
export function useStandIns(): void {
  used = true;
}

/** Whether numbers stand for addresses until koffi is loaded. */
export function usesStandIns(): boolean {
  return used;
}

/** The number of the first byte of `memory`, the same in each call. */
export function standInAddress(memory: ArrayBufferLike): number {
  const known = starts.get(memory);
  if (known !== undefined) {
    return known;
  }
  const start = next;
  next += (Math.floor(memory.byteLength / STEP_BYTES) + 1) * STEP_BYTES;
  if (next > LAST) {
    next = FIRST;
  }
  starts.set(memory, start);
  return start;
}

/** Whether it is no address of the system. */
export function isStandIn(address: number): boolean {
  return address >= FIRST;
}
