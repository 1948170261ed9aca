/**
 * A simulated network in Node's event loop: when something is due it brings turns to ports, timers and endpoints, one
 * at a time, each from an iteration of its own. A virtual clock goes on when nobody has anything to do any more.
 */

import { type Clock, type ClockTimer, TIMER_MS_MAX } from '../../base/clock.js';
import { clearTimeout, setImmediate, setTimeout } from '../../base/runtime.js';
import type { LoopWatch } from '../driver.js';
import { EventQueue, type SimEvent } from './event-queue.js';
import { Hold, Holder } from './hold.js';
import type { Kernel } from './kernel/kernel.js';

/** Moments that a virtual clock passes in one turn, at the most, while they bring nothing to anybody. */
const MOMENTS_MAX = 256;

export interface Watched {
  hasWork(): boolean;
}

class SimWatch extends Holder implements LoopWatch {
  readonly kind = 'the simulated network';
  readonly watched: Watched;
  readonly onReady: () => void;
  readonly #loop: Loop;
  armed = false;

  constructor(loop: Loop, hold: Hold, watched: Watched, onReady: () => void) {
    super(hold);
    this.#loop = loop;
    this.watched = watched;
    this.onReady = onReady;
  }

  arm(): void {
    this.armed = true;
    this.#loop.look();
  }

  close(): void {
    this.release();
    this.#loop.forget(this);
  }
}

class VirtualTimer extends Holder implements ClockTimer {
  event: SimEvent | undefined;

  clear(): void {
    this.release();
    if (this.event !== undefined) {
      this.event.cancelled = true;
    }
  }
}

export class Loop {
  readonly #kernel: Kernel;
  /** Whether the loop moves the virtual clock. */
  readonly #moves: boolean;
  readonly #setTimer: typeof setTimeout;
  readonly #watches = new Set<SimWatch>();
  readonly #timers = new EventQueue();
  readonly #tasks: (() => void)[] = [];
  #immediate: NodeJS.Immediate | undefined;
  #timeout: NodeJS.Timeout | undefined;
  #timeoutAt = Infinity;
  readonly hold = new Hold((held) => {
    for (const handle of [this.#immediate, this.#timeout]) {
      if (held) {
        handle?.ref();
      } else {
        handle?.unref();
      }
    }
  });

  /** @param setTimer sets the timers of a network with a real clock */
  constructor(kernel: Kernel, moves: boolean, setTimer = setTimeout) {
    this.#kernel = kernel;
    this.#moves = moves;
    this.#setTimer = setTimer;
    kernel.onChange = () => this.look();
  }

  /** A virtual clock for ports, whose timers are called from the event loop. */
  readonly clock: Clock = {
    passes: false,
    now: () => this.#kernel.time.now(),
    setTimer: (callback, delayMs) => {
      const timer = new VirtualTimer(this.hold);
      timer.event = this.#timers.add(this.#kernel.time.now() + delayMs, () => {
        timer.release();
        callback();
      });
      this.look();
      return timer;
    },
  };

  watch(watched: Watched, onReady: () => void): LoopWatch {
    const watch = new SimWatch(this, this.hold, watched, onReady);
    this.#watches.add(watch);
    return watch;
  }

  forget(watch: SimWatch): void {
    this.#watches.delete(watch);
    this.look();
  }

  /** Something is to be called from the event loop. */
  addTask(task: () => void): void {
    this.#tasks.push(task);
    this.look();
  }

  /** Sees to it that a turn comes when it is needed. */
  look(): void {
    if (this.#immediate !== undefined) {
      return;
    }
    if (this.#hasTurn() || (this.#mayMove() && this.#nextAt() !== Infinity)) {
      this.#immediate = setImmediate(() => this.#turn());
      if (!this.hold.held) {
        this.#immediate.unref();
      }
    } else if (this.#kernel.time.real) {
      this.#setTimeout(this.#kernel.events.nextAt);
    }
  }

  #setTimeout(at: number): void {
    if (at === this.#timeoutAt) {
      return;
    }
    clearTimeout(this.#timeout);
    this.#timeoutAt = at;
    this.#timeout = undefined;
    if (at !== Infinity) {
      // The time may have come since the loop looked whether anything is due.
      const delayMs = Math.max(0, Math.min(TIMER_MS_MAX, Math.ceil(at - this.#kernel.time.now())));
      this.#timeout = this.#setTimer(() => {
        this.#timeoutAt = Infinity;
        this.look();
      }, delayMs);
      if (!this.hold.held) {
        this.#timeout.unref();
      }
    }
  }

  #turn(): void {
    this.#immediate = undefined;
    try {
      let moments = 0;
      while (!this.step() && moments < MOMENTS_MAX && this.#mayMove() && this.moveTo(this.#nextAt())) {
        moments++;
      }
    } finally {
      this.look();
    }
  }

  /** Gives one turn to somebody who has something to do now; returns whether there was anybody. */
  step(): boolean {
    this.#kernel.runDue();
    const task = this.#tasks.shift() ?? this.#timers.take(this.#kernel.time.now())?.run;
    if (task !== undefined) {
      task();
      return true;
    }
    const watch = this.#readyWatch();
    if (watch === undefined) {
      return false;
    }
    watch.armed = false;
    // Behind the others from now on.
    this.#watches.delete(watch);
    this.#watches.add(watch);
    watch.onReady();
    return true;
  }

  /** Moves the clock and lets happen what is due then; returns false when there is no such moment. */
  moveTo(at: number): boolean {
    if (at === Infinity) {
      return false;
    }
    this.#kernel.passTo(at);
    this.#kernel.runDue();
    return true;
  }

  /** When something happens next. */
  get nextAt(): number {
    return this.#nextAt();
  }

  #nextAt(): number {
    return Math.min(this.#kernel.events.nextAt, this.#timers.nextAt);
  }

  #hasTurn(): boolean {
    const { isDue, time } = this.#kernel;
    return this.#tasks.length > 0 || isDue || this.#timers.nextAt <= time.now() || this.#readyWatch() !== undefined;
  }

  #readyWatch(): SimWatch | undefined {
    for (const watch of this.#watches) {
      if (watch.armed && watch.watched.hasWork()) {
        return watch;
      }
    }
    return undefined;
  }

  /** Whether the loop may move the clock: no port is in the middle of something. */
  #mayMove(): boolean {
    if (!this.#moves) {
      return false;
    }
    for (const watch of this.#watches) {
      if (!watch.armed) {
        return false;
      }
    }
    return true;
  }
}
