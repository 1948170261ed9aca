/** A wait on another thread that is interrupted by a wake-up of its own. */

import type { BlockingCall } from '../../ffi/blocking-calls.js';
import type { ThreadWait } from './waiting-thread.js';

/** Something among what the system is asked to wait for, that any thread may make ready. */
export interface Wake {
  wake(): void;
  /** The wake-ups since the last call. */
  take(): number;
  close(): void;
}

export abstract class InterruptibleWait<W extends Wake> implements ThreadWait {
  abstract readonly call: BlockingCall;
  /** Each watch has a wait of its own. */
  readonly busy = false;
  protected readonly wake: W;

  constructor(wake: W) {
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
