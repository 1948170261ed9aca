/** A wait on a thread of libuv's pool that is interrupted by a wake-up of its own. */

import type { ThreadWait, WaitDone } from './waiting-thread.js';

/** Something among what the system is asked to wait for, that any thread may make ready. */
export interface Wake {
  wake(): void;
  /** The wake-ups since the last call. */
  take(): number;
  close(): void;
}

export abstract class InterruptibleWait<W extends Wake> implements ThreadWait {
  protected readonly wake: W;

  constructor(wake: W) {
    this.wake = wake;
  }

  abstract start(timeoutMs: number, done: WaitDone): void;

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
