/**
 * The pump: the only place where completions are dispatched, in Node's event loop or on a thread that it blocks. A turn
 * consists of rounds. Each round dequeues a batch of completions, dispatches it, and submits the operations that were posted
 * meanwhile. The rounds of a turn are limited; then the event loop continues.
 */

import { type Clock, type ClockTimer, TIMER_MS_MAX } from '../base/clock.js';
import { clearImmediate, setImmediate } from '../base/runtime.js';
import { reportUncaught } from '../base/throw-async.js';
import type { LoopWatch } from '../drivers/driver.js';
import { type AsyncContext, callersContext } from './async-context.js';
import { type Completion, CompletionBatch } from './completion.js';
import type { Runner } from './core.js';
import type { CompletionHandler, PumpOptions, TurnHooks } from './pump-options.js';
import { SPIN_MS, Spin, STAY_MS } from './spin.js';
import { TimeoutGrace } from './timeout-grace.js';

/** The port, as far as the pump uses it. */
export interface RunnablePort {
  readonly isClosed: boolean;
  /** The error that the port has failed with. */
  readonly failure: Error | undefined;
  readonly clock: Clock;
  /** When the port needs a turn although nothing completes, by `clock`; Infinity when never. */
  readonly dueAt: number;
  /** Whether the driver is to be left alone until `dueAt`. */
  readonly rests: boolean;
  /** Whether `hasWork` also sees what has arrived, and time passes between two calls of it. */
  readonly seesArrivals: boolean;
  readonly operationsInFlight: number;
  getQueuedCompletions(batch: CompletionBatch, timeoutMs: number): number;
  hasWork(): boolean;
  putBack(completions: readonly Completion[]): void;
  watch(onReady: () => void): LoopWatch;
}

/** The most rounds of one turn: timers and other sockets in the event loop wait no longer than that. */
const TURN_ROUNDS_MAX = 16;

export class Pump implements Runner {
  readonly #port: RunnablePort;
  readonly #handler: CompletionHandler;
  readonly #onError: PumpOptions['onError'];
  readonly #batch: CompletionBatch;
  readonly #hooks: TurnHooks | undefined;
  readonly #onFailure: ((error: Error) => void) | undefined;
  /** The next completion of the batch to dispatch. */
  #next = 0;
  /** Completions that were dequeued in all. */
  #dequeued = 0;
  #watch: LoopWatch | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #timer: ClockTimer | undefined;
  /** When the timer ends, by the port's clock; Infinity when none is set. */
  #timerDueAt = Infinity;
  readonly #stay = new Spin(STAY_MS);
  readonly #spin = new Spin(SPIN_MS);
  readonly #grace = new TimeoutGrace();
  readonly #portHasWork = (): boolean => this.#port.hasWork();
  /** The async context of the call that started the pump. Turns run in it, not in the context of the code that posted. */
  readonly #context: AsyncContext = callersContext();
  /** Created once, not in each turn: V8 looks up the code of a function object when it is first called. */
  readonly #immediateTurn = (): void => {
    this.#immediate = undefined;
    this.#turn();
  };
  #referenced = true;
  #inTurn = false;
  #stopped = false;
  /** Whether it runs in the event loop. */
  #started = false;

  constructor(port: RunnablePort, handler: CompletionHandler, options: PumpOptions) {
    this.#port = port;
    this.#handler = handler;
    this.#onError = options.onError;
    this.#batch = new CompletionBatch(options.batchCompletions);
    this.#hooks = options.hooks;
    this.#onFailure = options.onFailure;
  }

  /** Runs in the event loop, until stopped. */
  start(): void {
    this.#started = true;
    this.#watch = this.#port.watch(() => this.#turn());
    this.#schedule();
  }

  /** Runs on this thread and blocks it, until stopped. */
  run(): void {
    let rounds = 0;
    while (!this.#stopped) {
      if (this.#next === this.#batch.length) {
        if (this.#port.isClosed && !this.#port.hasWork()) {
          this.#throwFailure();
          return;
        }
        this.#next = 0;
        if (rounds === 0) {
          this.#hooks?.begin();
        }
        this.#hooks?.flush();
        this.#dequeued += this.#port.getQueuedCompletions(this.#batch, this.#waitMs());
        rounds++;
      }
      this.#dispatch();
      if (this.#batch.length === 0 || rounds === TURN_ROUNDS_MAX) {
        this.#timePassed(rounds);
        rounds = 0;
      }
    }
  }

  /** How long the next dequeue may block this thread. */
  #waitMs(): number {
    const hooks = this.#hooks;
    const hasWork = hooks?.hasWork === true || hooks?.owesTurn === true;
    if (hooks === undefined || (!hasWork && hooks.dueAt === Infinity)) {
      return Infinity;
    }
    return hasWork ? 0 : Math.max(0, hooks.dueAt - this.#port.clock.now());
  }

  #hasWork(): boolean {
    return this.#port.hasWork() || this.#hooks?.hasWork === true;
  }

  /** An operation was posted: outside a turn, schedules the turn that submits it. */
  posted(): void {
    if (!this.#inTurn && this.#immediate === undefined && this.#watch !== undefined) {
      this.#schedule();
    }
  }

  #schedule(): void {
    this.#immediate = setImmediate(this.#immediateTurn);
    if (!this.#referenced) {
      this.#immediate.unref();
    }
  }

  #turn(): void {
    if (!this.#inTurn && !this.#stopped) {
      this.#context.enter(this.#turnInContext, this);
    }
  }

  #turnInContext(): void {
    this.#inTurn = true;
    let productive = false;
    try {
      productive = this.#rounds();
    } finally {
      this.#inTurn = false;
      // Also after an error: a listener for uncaught exceptions may keep the process alive.
      if (this.#stopped) {
        this.end();
      } else {
        this.#park(productive);
      }
    }
  }

  /** The rounds of one turn; returns whether any of them dequeued completions. */
  #rounds(): boolean {
    let rounds = 0;
    let productive = false;
    this.#hooks?.begin();
    this.#hooks?.flush();
    do {
      if (this.#port.isClosed && !this.#port.hasWork()) {
        break;
      }
      this.#next = 0;
      this.#dequeued += this.#port.getQueuedCompletions(this.#batch, 0);
      if (this.#spin.active) {
        if (this.#batch.length === 0 && !this.#spin.expired) {
          break;
        }
        this.#spin.end(this.#batch.length > 0);
      }
      productive ||= this.#batch.length > 0;
      this.#dispatch();
      this.#hooks?.flush();
      rounds++;
    } while (
      !this.#stopped &&
      rounds < TURN_ROUNDS_MAX &&
      (this.#hasWork() || this.#mayBeLate() || this.#arrivesSoon())
    );
    this.#timePassed(rounds);
    return productive;
  }

  /** After the rounds: timeouts expire, unless data that arrived in time may still be pending. */
  #timePassed(rounds: number): void {
    const hooks = this.#hooks;
    if (hooks === undefined || this.#stopped) {
      return;
    }
    if (rounds === TURN_ROUNDS_MAX && this.#mayBeLate()) {
      const { clock, operationsInFlight } = this.#port;
      if (this.#grace.holds(clock.now(), this.#dequeued, operationsInFlight)) {
        return;
      }
    } else {
      this.#grace.end();
    }
    hooks.timePassed();
  }

  /** Whether timeouts are due while completions may still be pending. */
  #mayBeLate(): boolean {
    return this.#batch.length > 0 && this.#hooks?.late === true;
  }

  /** Polls for more completions for a moment, before the event loop continues. */
  #arrivesSoon(): boolean {
    return this.#batch.length > 0 && this.#port.seesArrivals && this.#stay.wait(this.#portHasWork);
  }

  /** Stops, and puts the completions back that were not dispatched because the handler stopped the pump or threw. */
  end(): void {
    const { entries, length } = this.#batch;
    this.#port.putBack(entries.splice(this.#next, length - this.#next));
    this.#batch.length = this.#next;
    this.#stopped = true;
  }

  /** Before the event loop continues: makes sure that the next turn comes. */
  #park(productive: boolean): void {
    if (this.#hasWork() || this.#hooks?.owesTurn === true) {
      // Also for a port that is closed and so has no watch.
      if (this.#immediate === undefined) {
        this.#schedule();
      }
      return;
    }
    if (this.#port.isClosed) {
      this.stop();
      return;
    }
    if (this.#spin.active || (productive && this.#port.clock.passes && this.#spin.begin())) {
      this.posted();
      return;
    }
    if (!this.#port.rests) {
      this.#watch?.arm();
    }
    const dueAt = Math.min(this.#port.dueAt, this.#hooks?.dueAt ?? Infinity);
    if (dueAt < this.#timerDueAt) {
      this.#setTimer(dueAt);
    }
  }

  #setTimer(dueAt: number): void {
    const { clock } = this.#port;
    const delayMs = Math.ceil(Math.max(1, dueAt - clock.now()));
    this.#clearTimer();
    this.#timerDueAt = dueAt;
    this.#timer = clock.setTimer(() => this.#timerEnded(), Math.min(delayMs, TIMER_MS_MAX));
    if (!this.#referenced) {
      this.#timer.unref();
    }
  }

  #clearTimer(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#timerDueAt = Infinity;
  }

  #timerEnded(): void {
    this.#clearTimer();
    this.#turn();
  }

  /**
   * Dispatches what is left of the batch. When `#handlerFailed` throws, the completions after the failed one stay in the
   * batch.
   */
  #dispatch(): void {
    const batch = this.#batch;
    while (this.#next < batch.length && !this.#stopped) {
      const completion = batch.entries[this.#next++] as Completion;
      try {
        this.#handler(completion);
      } catch (error) {
        this.#handlerFailed(error, completion);
      } finally {
        completion.release();
      }
    }
  }

  /** An error that `onError` does not take ends `run`. In the event loop it is an uncaught exception, and the batch continues. */
  #handlerFailed(error: unknown, completion: Completion): void {
    let left = error;
    if (this.#onError !== undefined) {
      try {
        this.#onError(error, completion);
        return;
      } catch (thrown) {
        left = thrown;
      }
    }
    if (!this.#started) {
      throw left;
    }
    reportUncaught(left);
  }

  /** `run` throws the failure of its port, unless hooks or `onFailure` have received it. */
  #throwFailure(): void {
    const { failure } = this.#port;
    if (failure !== undefined && this.#hooks === undefined && this.#onFailure === undefined) {
      throw failure;
    }
  }

  /** Reports the failure of the port: to the hooks, to `onFailure`, or as an uncaught exception. `run` throws it instead. */
  portFailed(error: Error): void {
    this.#hooks?.failed?.(error);
    if (this.#onFailure !== undefined) {
      try {
        this.#onFailure(error);
      } catch (thrown) {
        reportUncaught(thrown);
      }
    } else if (this.#hooks === undefined && this.#started) {
      reportUncaught(error);
    }
  }

  /** The port was closed: dispatches its last completions, then stops. */
  portClosed(): void {
    this.#closeWatch();
    if (!this.#inTurn && this.#immediate === undefined) {
      this.#schedule();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#closeWatch();
    if (this.#immediate !== undefined) {
      clearImmediate(this.#immediate);
      this.#immediate = undefined;
    }
  }

  #closeWatch(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#clearTimer();
  }

  get watchKind(): string | undefined {
    return this.#watch?.kind;
  }

  ref(): void {
    this.#referenced = true;
    this.#watch?.ref();
    this.#immediate?.ref();
    this.#timer?.ref();
  }

  unref(): void {
    this.#referenced = false;
    this.#watch?.unref();
    this.#immediate?.unref();
    this.#timer?.unref();
  }
}
