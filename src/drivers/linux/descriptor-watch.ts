/**
 * Wakes Node's event loop for a port on Linux: by libuv's own epoll; if that fails, by a waiting thread; and by a timer
 * as long as no thread can be started either.
 */

import { OperationError } from '../../base/errors.js';
import { ThreadWatch } from '../common/thread-watch.js';
import type { LoopWait, LoopWatch, OnReady } from '../driver.js';
import { DescriptorWait } from './descriptor-wait.js';
import { EpollWatch } from './epoll-watch.js';
import { TimerWatch } from './timer-watch.js';

/** A feature name for `disabledFeatures`: do not use libuv's epoll. */
export const LOOP_WATCH_FEATURE = 'event_loop_watch';

/** Ticks of the timer between two tries to start the waiting thread. */
const TICKS_BEFORE_TRY = 50;

export interface DescriptorWatchOptions {
  readonly disabledFeatures: ReadonlySet<string>;
  /**
   * For a descriptor that stays readable until it is drained: report each new readiness once, and drain only when
   * polled.
   */
  readonly drain?: () => void;
}

/** Watches a descriptor that becomes readable when `poll` would bring something. */
export class DescriptorWatch implements LoopWatch {
  readonly #descriptor: number;
  /** Drains the descriptor if necessary, and calls `onReady`. */
  readonly #look: () => void;
  #watch: LoopWatch;
  /** The watch by libuv's epoll, while that works. */
  #inLoop: EpollWatch | undefined;
  #referenced = true;

  constructor(descriptor: number, onReady: OnReady, options: DescriptorWatchOptions) {
    const { disabledFeatures, drain } = options;
    this.#descriptor = descriptor;
    this.#look = () => {
      drain?.();
      onReady();
    };
    if (disabledFeatures.has(LOOP_WATCH_FEATURE)) {
      this.#watch = this.#waitingThread("Node's own epoll was not to be used");
    } else {
      this.#inLoop = new EpollWatch(descriptor, drain !== undefined, onReady, (reason) => this.#fallBack(reason));
      this.#watch = this.#inLoop;
    }
  }

  #waitingThread(reason: string): LoopWatch {
    return new ThreadWatch(`a waiting thread, because ${reason}`, new DescriptorWait(this.#descriptor), this.#look);
  }

  #fallBack(reason: string): void {
    this.#inLoop = undefined;
    try {
      this.#use(this.#waitingThread(reason));
    } catch (error) {
      if (!(error instanceof OperationError)) {
        throw error;
      }
      this.#useTimer(reason, `${reason}, and ${error.syscall} failed with ${error.code}`);
    }
  }

  #useTimer(first: string, reason: string): void {
    let ticks = 0;
    const timer = new TimerWatch(reason, () => {
      ticks++;
      if (ticks % TICKS_BEFORE_TRY === 0) {
        this.#fallBack(first);
      }
      this.#look();
    });
    this.#use(timer);
  }

  #use(watch: LoopWatch): void {
    this.#watch = watch;
    if (!this.#referenced) {
      watch.unref();
    }
    watch.arm();
  }

  get kind(): string {
    const { kind } = this.#watch;
    return this.wait === undefined ? kind : `${kind}, and turns that wait`;
  }

  get wait(): LoopWait | undefined {
    return undefined;
  }

  /** The registration in libuv's epoll, while the descriptor is watched there. */
  protected get inLoop(): EpollWatch | undefined {
    return this.#inLoop?.isWatching === true ? this.#inLoop : undefined;
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
