/** Blocks this thread for a time, without a driver's system call. */

const word = new Int32Array(new SharedArrayBuffer(4));

export function sleep(timeoutMs: number): void {
  Atomics.wait(word, 0, 0, timeoutMs);
}
