/** How a port on Linux wakes Node's event loop: by libuv's own epoll, or by a waiting thread when that fails. */

import type { LoopWatch } from '../driver.js';
import { WaitingThread } from '../waiting-thread.js';
import { DescriptorWait } from './descriptor-wait.js';
import { EventLoopWatch } from './event-loop-watch.js';

/** A feature name for `withhold`: do without libuv's epoll. */
export const LOOP_WATCH_FEATURE = 'event_loop_watch';

export interface DescriptorWatchOptions {
  readonly withhold: ReadonlySet<string>;
  /** For a descriptor that stays readable until it is drained: tell each new readiness once, and drain only when polled. */
  readonly drain?: () => void;
}

/** Watches a descriptor that becomes readable when `poll` would bring something. */
export class DescriptorWatch implements LoopWatch {
  #watch: LoopWatch;
  #referenced = true;

  constructor(descriptor: number, onReady: () => void, options: DescriptorWatchOptions) {
    const { withhold, drain } = options;
    const wait = (reason: string): LoopWatch =>
      new WaitingThread(`a waiting thread, because ${reason}`, new DescriptorWait(descriptor), () => {
        drain?.();
        onReady();
      });
    if (withhold.has(LOOP_WATCH_FEATURE)) {
      this.#watch = wait("Node's own epoll was not to be used");
      return;
    }
    this.#watch = new EventLoopWatch(descriptor, drain !== undefined, onReady, (reason) => {
      this.#watch = wait(reason);
      if (!this.#referenced) {
        this.#watch.unref();
      }
      this.#watch.arm();
    });
  }

  get kind(): string {
    return this.#watch.kind;
  }

  arm(): void {
    this.#watch.arm();
  }

  ref(): void {
    this.#referenced = true;
    this.#watch.ref();
  }

  unref(): void {
    this.#referenced = false;
    this.#watch.unref();
  }

  close(): void {
    this.#watch.close();
  }
}
