/**
 * A simulated network in Node's event loop. When something is due, it gives turns to ports, timers and endpoints, each
 * in an iteration of its own. A virtual clock advances when nothing is left to do.
 */

import { type Clock, type ClockTimer, TIMER_MS_MAX } from '../../base/clock.js';
import { clearTimeout, setImmediate, setTimeout } from '../../base/runtime.js';
import { Hold, Holder } from '../common/hold.js';
import type { LoopWatch } from '../driver.js';
import { EventQueue, type SimEvent } from './event-queue.js';
import type { Kernel } from './kernel/kernel.js';

/** Maximum number of times that a virtual clock advances in one turn while that gives nothing to do. */
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
    this.#loop.schedule();
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
  /** Whether the loop advances the virtual clock. */
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
    kernel.onChange = () => this.schedule();
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
      this.schedule();
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
    this.schedule();
  }

  /** Calls a task from the event loop. */
  addTask(task: () => void): void {
    this.#tasks.push(task);
    this.schedule();
  }

  /** Schedules a turn if one is needed. */
  schedule(): void {
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
      // The time may have come since the loop checked whether anything is due.
      const delayMs = Math.max(0, Math.min(TIMER_MS_MAX, Math.ceil(at - this.#kernel.time.now())));
      this.#timeout = this.#setTimer(() => {
        this.#timeoutAt = Infinity;
        this.schedule();
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
      this.schedule();
    }
  }

  /** Gives one turn to a task, a timer or a port that has something to do; returns false if there is none. */
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
    // Moves to the end of the set.
    this.#watches.delete(watch);
    this.#watches.add(watch);
    watch.onReady();
    return true;
  }

  /** Advances the clock and runs the events that are due then; returns false if `at` is Infinity. */
  moveTo(at: number): boolean {
    if (at === Infinity) {
      return false;
    }
    this.#kernel.passTo(at);
    this.#kernel.runDue();
    return true;
  }

  /** The time of the next event. */
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

  /** Whether the loop may advance the clock: all ports are parked. */
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
