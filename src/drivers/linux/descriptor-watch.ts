/**
 * Wakes Node's event loop for a port on Linux: by libuv's own epoll; if that fails, by a waiting thread; and by a timer
 * as long as no thread can be started either.
 */

import { OperationError } from '../../base/errors.js';
import { RUNTIME_TITLES, type Runtime, runtime } from '../../base/runtime.js';
import { ThreadWatch } from '../common/thread-watch.js';
import type { LoopWait, LoopWatch, OnReady } from '../driver.js';
import { DescriptorWait } from './descriptor-wait.js';
import { EpollWatch } from './epoll-watch.js';
import type { LinuxLoopWait } from './loop-wait.js';
import { TimerWatch } from './timer-watch.js';

/** A feature name for `disabledFeatures`: do not use libuv's epoll. */
export const LOOP_WATCH_FEATURE = 'event_loop_watch';

/**
 * Runtimes whose event loop is not libuv's. What they register in their epoll is an address, and an event of ours
 * under it would end the process.
 */
const OTHER_LOOPS: readonly Runtime[] = ['bun', 'deno'];

/** Ticks of the timer between two tries to start the waiting thread. */
const TICKS_BEFORE_TRY = 50;

export interface DescriptorWatchOptions {
  readonly disabledFeatures: ReadonlySet<string>;
  /**
   * For a descriptor that stays readable until it is drained: report each new readiness once, and drain only when
   * polled.
   */
  readonly drain?: () => void;
  /** How turns wait for the event loop too, if they can. */
  readonly wait?: LinuxLoopWait | undefined;
}

/** Watches a descriptor that becomes readable when `poll` would bring something. */
export class DescriptorWatch implements LoopWatch {
  readonly #descriptor: number;
  readonly #wait: LinuxLoopWait | undefined;
  /** Drains the descriptor if necessary, and calls `onReady`. */
  readonly #look: () => void;
  #watch: LoopWatch;
  /** The watch by libuv's epoll, while that works. */
  #inLoop: EpollWatch | undefined;
  #referenced = true;

  constructor(descriptor: number, onReady: OnReady, options: DescriptorWatchOptions) {
    const { disabledFeatures, drain, wait } = options;
    this.#descriptor = descriptor;
    this.#wait = wait;
    this.#look = () => {
      drain?.();
      onReady();
    };
    if (OTHER_LOOPS.includes(runtime)) {
      this.#watch = this.#waitingThread(`${RUNTIME_TITLES[runtime]}'s event loop is not libuv`);
    } else if (disabledFeatures.has(LOOP_WATCH_FEATURE)) {
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

  /** Only while the descriptor is watched in libuv's epoll. */
  get wait(): LoopWait | undefined {
    const wait = this.#wait;
    const inLoop = this.#inLoop;
    if (wait === undefined || inLoop?.isWatching !== true) {
      return undefined;
    }
    wait.registration = inLoop;
    return wait;
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
