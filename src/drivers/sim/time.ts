/** The two clocks that a simulated network can have. */

export interface TimeSource {
  /** Whether time passes by itself. */
  readonly real: boolean;
  /** ms, with fractions. */
  now(): number;
  /** Blocks, or jumps, until `at`. */
  passTo(at: number): void;
}

/** Nobody ever writes it: it is there to be waited on. */
const never = new Int32Array(new SharedArrayBuffer(4));

export class RealTime implements TimeSource {
  readonly real = true;

  now(): number {
    return performance.now();
  }

  passTo(at: number): void {
    for (let left = at - performance.now(); left > 0; left = at - performance.now()) {
      Atomics.wait(never, 0, 0, left);
    }
  }
}

export class VirtualTime implements TimeSource {
  readonly real = false;
  #now = 0;

  now(): number {
    return this.#now;
  }

  passTo(at: number): void {
    this.#now = Math.max(this.#now, at);
  }
}
