/** A blocking call on another thread that a wake-up of its own interrupts. */

import type { BlockingCall } from '../../ffi/blocking-calls.js';
import type { ThreadWait } from './thread-watch.js';

/** Something that a system call waits for and that any thread can make ready. It counts its wake-ups. */
export interface Wake {
  /** The end that becomes readable: a descriptor on Linux, the number of a socket on Windows. */
  readonly readable: number;
  /** The end that is written: all that another thread needs to wake it. */
  readonly descriptor: number;
  wake(): void;
  /** Returns the number of wake-ups since the last call. */
  take(): number;
  close(): void;
}

export abstract class WakeableWait implements ThreadWait {
  abstract readonly call: BlockingCall;
  /** Never: each watch has a wait of its own. */
  readonly busy = false;
  protected readonly wake: Wake;

  constructor(wake: Wake) {
    this.wake = wake;
  }

  abstract begin(timeoutMs: number): readonly number[];

  abstract stale(): boolean;

  interrupt(): void {
    this.wake.wake();
  }

  ended(): void {
    this.wake.take();
  }

  close(): void {
    this.wake.close();
  }
}
