/** Blocking this thread for a while, without any system call of a driver: for what must wait, and may not spin. */

const word = new Int32Array(new SharedArrayBuffer(4));

export function blockThread(timeoutMs: number): void {
  Atomics.wait(word, 0, 0, timeoutMs);
}
