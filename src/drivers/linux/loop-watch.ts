/** How a port on Linux wakes Node's event loop: by libuv's own epoll, or by a waiting thread when that fails. */

import type { LoopWatch } from '../driver.js';
import { EventLoopWatch } from './event-loop-watch.js';
import { DescriptorWait, WaitingThread } from './waiting-thread.js';

/** A feature name for `withhold`: do without libuv's epoll. */
export const LOOP_WATCH_FEATURE = 'event_loop_watch';

/** Watches a descriptor that is readable when `poll` would bring something. */
export class DescriptorWatch implements LoopWatch {
  #watch: LoopWatch;
  #referenced = true;

  constructor(descriptor: number, onReady: () => void, withhold: ReadonlySet<string>) {
    const wait = (reason: string): LoopWatch => new WaitingThread(`a waiting thread, because ${reason}`, new DescriptorWait(descriptor), onReady);
    this.#watch = withhold.has(LOOP_WATCH_FEATURE)
      ? wait("Node's own epoll was not to be used")
      : new EventLoopWatch(descriptor, onReady, (reason) => {
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
