/**
 * The pump runs a port: in Node's event loop, or on a thread that it blocks. In the event loop it takes turns of several
 * rounds, and makes sure that the next turn comes when something completes, was posted, or is due.
 */

import { DueTimer } from '../../base/due-timer.js';
import { clearImmediate, runTicks, setImmediate } from '../../base/runtime.js';
import { reportUncaught } from '../../base/throw-async.js';
import type { LoopWait, LoopWatch } from '../../drivers/driver.js';
import { type AsyncContext, callersContext } from '../async-context.js';
import type { Runner } from '../core.js';
import { Odds } from './odds.js';
import type { CompletionHandler, PumpOptions, TurnHooks } from './pump-options.js';
import { Rounds, type RunnablePort } from './rounds.js';

/**
 * How long a turn waits for more completions, in ms. It ends earlier if the event loop has something to do, as far as
 * libuv tells: immediates without a reference, and callbacks that addons have in each iteration, wait for its end.
 */
const TURN_MS = 20;

/**
 * A turn of fewer waits lasts longer, up to SPARSE_TURN_MS: what it delays would otherwise wait for the next message,
 * as libuv sleeps until then. At 200 messages a second a turn of 20 ms has four, and its beginning and end cost as much
 * as they do.
 */
const TURN_WAITS = 16;
const SPARSE_TURN_MS = 100;

/** The most times that a turn flushes what promises have written before it waits. */
const FLUSHES_MAX = 16;

export class Pump implements Runner {
  readonly #port: RunnablePort;
  readonly #rounds: Rounds;
  readonly #hooks: TurnHooks | undefined;
  readonly #onFailure: ((error: Error) => void) | undefined;
  /** Whether it runs in the event loop. */
  readonly #inLoop: boolean;
  #watch: LoopWatch | undefined;
  #immediate: NodeJS.Immediate | undefined;
  /** The next turn comes when it ends, although nothing has completed. */
  readonly #timer: DueTimer;
  /** Waiting pays if more completions come before the event loop has something to do. */
  readonly #waitOdds = new Odds();
  /** The async context of the call that started the pump. Turns run in it, not in the context of the code that posted. */
  readonly #context: AsyncContext = callersContext();
  /** Created once, not in each turn: V8 looks up the code of a function object when it is first called. */
  readonly #immediateTurn = (): void => {
    this.#immediate = undefined;
    this.#turn();
  };
  #referenced = true;

  constructor(port: RunnablePort, handler: CompletionHandler, options: PumpOptions, inLoop: boolean) {
    this.#port = port;
    this.#rounds = new Rounds(port, handler, options, !inLoop);
    this.#hooks = options.hooks;
    this.#onFailure = options.onFailure;
    this.#inLoop = inLoop;
    this.#timer = new DueTimer(port.clock, () => this.#turn());
  }

  /** Runs in the event loop, until stopped. */
  start(): void {
    this.#watch = this.#port.watch((inPoll) => (inPoll === true ? this.#turnOfPoll() : this.#turn()));
    this.#schedule();
  }

  /** Runs on this thread and blocks it, until stopped. */
  run(): void {
    this.#rounds.block();
    if (!this.#rounds.isStopped) {
      this.#throwFailure();
    }
  }

  /** An operation was posted: outside a turn, schedules the turn that submits it. */
  posted(): void {
    if (!this.#isBusy() && this.#immediate === undefined && this.#watch !== undefined) {
      this.#schedule();
    }
  }

  #schedule(): void {
    this.#immediate = setImmediate(this.#immediateTurn);
    if (!this.#referenced) {
      this.#immediate.unref();
    }
  }

  /** Whether a turn is running. */
  #isBusy(): boolean {
    return this.#rounds.areRunning || this.#rounds.wait !== undefined;
  }

  #turn(): void {
    if (!this.#isBusy() && !this.#rounds.isStopped) {
      this.#context.enter(this.#turnInContext, this);
    }
  }

  #turnInContext(): void {
    let productive = false;
    try {
      productive = this.#rounds.turn(0);
    } finally {
      this.#turnOver(productive);
    }
  }

  /** Also after an error: a listener for uncaught exceptions may keep the process alive. */
  #turnOver(productive: boolean): void {
    if (this.#rounds.isStopped) {
      this.end();
    } else {
      this.#park(productive);
    }
  }

  /**
   * A turn that the event loop's own poll has called. It can last: it waits for more completions in the poll's place,
   * and ends when the event loop has something to do.
   */
  #turnOfPoll(): void {
    const wait = this.#watch?.wait;
    if (wait === undefined || runTicks === undefined || this.#isBusy() || this.#rounds.isStopped) {
      this.#turn();
      return;
    }
    let productive = false;
    try {
      productive = this.#roundsInContext(0);
      if (productive && this.#mayWait() && this.#waitOdds.try() && wait.begin()) {
        productive = false;
        this.#rounds.wait = wait;
        this.#waitOdds.ended(this.#waitForMore(wait, runTicks));
      }
    } finally {
      this.#endWait();
      this.#turnOver(productive);
    }
  }

  #roundsInContext(waitMs: number): boolean {
    return this.#context.enter(this.#rounds.turn, this.#rounds, waitMs);
  }

  #mayWait(): boolean {
    return !this.#rounds.isStopped && !this.#port.isClosed && this.#immediate === undefined;
  }

  /**
   * Between two rounds it runs promises and `nextTick`, as Node does after each callback. Returns whether anything has
   * come.
   */
  #waitForMore(wait: LoopWait, ticks: () => void): boolean {
    const { clock } = this.#port;
    const rounds = this.#rounds;
    const beganAt = clock.now();
    let moreCame = false;
    for (let waits = 0, spun = false; ; waits++) {
      this.#settle(ticks);
      const idleMs = this.#mayWait() ? wait.idleMs() : 0;
      const turnMs = waits < TURN_WAITS ? SPARSE_TURN_MS : TURN_MS;
      const leftMs = Math.min(idleMs, beganAt + turnMs - clock.now());
      if (leftMs <= 0) {
        break;
      }
      const spins: boolean = !spun && rounds.spin.isLikely();
      const productive: boolean = spins ? this.#spin() : this.#roundsInContext(leftMs);
      moreCame ||= productive;
      spun = spins && !productive;
      if (wait.loopReady || !(productive || spins)) {
        break;
      }
    }
    if (this.#mayWait() && rounds.hasWork()) {
      // Submits what was posted, before the event loop does other things.
      this.#roundsInContext(0);
    }
    return moreCame;
  }

  /** Runs ticks and promises, and flushes what they have written; handlers that are called then may queue others. */
  #settle(ticks: () => void): void {
    ticks();
    for (let flushes = 0; this.#rounds.needFlush && this.#mayWait() && flushes < FLUSHES_MAX; flushes++) {
      this.#context.enter(this.#rounds.flush, this.#rounds);
      ticks();
    }
  }

  /** Submits what was posted, or polls for a moment; returns whether completions have come. */
  #spin(): boolean {
    const { spin } = this.#rounds;
    if (this.#rounds.hasWork() || !spin.begin()) {
      return this.#roundsInContext(0);
    }
    let productive = false;
    do {
      productive = this.#roundsInContext(0);
    } while (spin.active && this.#mayWait());
    return productive;
  }

  #endWait(): void {
    const { wait } = this.#rounds;
    this.#rounds.wait = undefined;
    wait?.end();
  }

  /** Stops, and puts back the completions that were not dispatched. */
  end(): void {
    this.#rounds.end();
  }

  /** Before the event loop continues: makes sure that the next turn comes. */
  #park(productive: boolean): void {
    if (this.#rounds.hasWork() || this.#rounds.oweTurn) {
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
    const { spin } = this.#rounds;
    if (spin.active || (productive && this.#port.clock.passes && spin.begin())) {
      this.posted();
      return;
    }
    this.#rounds.forget();
    if (!this.#port.rests) {
      this.#watch?.arm();
    }
    this.#timer.endBy(this.#rounds.dueAt);
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
    } else if (this.#hooks === undefined && this.#inLoop) {
      reportUncaught(error);
    }
  }

  /** The port was closed: dispatches its last completions, then stops. */
  portClosed(): void {
    this.#closeWatch();
    if (!this.#isBusy() && this.#immediate === undefined) {
      this.#schedule();
    }
  }

  stop(): void {
    this.#rounds.isStopped = true;
    this.#closeWatch();
    if (this.#immediate !== undefined) {
      clearImmediate(this.#immediate);
      this.#immediate = undefined;
    }
  }

  #closeWatch(): void {
    // A turn that waits has not ended for that.
    this.#rounds.wait?.end();
    const watch = this.#watch;
    // Deno may deliver a waiting thread's report while the watch closes, and that turn stops the pump.
    this.#watch = undefined;
    watch?.close();
    this.#timer.clear();
  }

  get watchKind(): string | undefined {
    return this.#watch?.kind;
  }

  ref(): void {
    this.#referenced = true;
    this.#watch?.ref();
    this.#immediate?.ref();
    this.#timer.ref();
  }

  unref(): void {
    this.#referenced = false;
    this.#watch?.unref();
    this.#immediate?.unref();
    this.#timer.unref();
  }
}
