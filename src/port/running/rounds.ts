/**
 * The rounds of a pump: each dequeues a batch of completions, dispatches it, and submits the operations that were posted
 * meanwhile. It is the only place where completions are dispatched.
 */

import type { Clock } from '../../base/clock.js';
import { reportUncaught } from '../../base/throw-async.js';
import type { LoopWait, LoopWatch, OnReady } from '../../drivers/driver.js';
import { type Completion, CompletionBatch } from '../completion.js';
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
  watch(onReady: OnReady): LoopWatch;
}

/** The most rounds of one turn: timers and other sockets in the event loop wait no longer than that. */
const TURN_ROUNDS_MAX = 16;

export class Rounds {
  /** Whether rounds are running. */
  areRunning = false;
  isStopped = false;
  /** The wait of a turn that waits in place of the event loop: without it `turn` may not wait. */
  wait: LoopWait | undefined;
  /** Polls for a moment before the event loop continues, where that needs no system call. */
  readonly stay = new Spin(STAY_MS);
  /** Polls for a moment by an iteration of the event loop each. */
  readonly spin = new Spin(SPIN_MS);
  readonly #port: RunnablePort;
  readonly #handler: CompletionHandler;
  readonly #onError: PumpOptions['onError'];
  readonly #batch: CompletionBatch;
  readonly #hooks: TurnHooks | undefined;
  /** Whether an error of the handler that nobody takes ends the rounds. */
  readonly #throws: boolean;
  /** The next completion of the batch to dispatch. */
  #next = 0;
  /** Completions that were dequeued in all. */
  #dequeued = 0;
  readonly #grace = new TimeoutGrace();
  readonly #portHasWork = (): boolean => this.#port.hasWork();

  /** @param throws whether an error of the handler that `onError` does not take is thrown, instead of reported as uncaught */
  constructor(port: RunnablePort, handler: CompletionHandler, options: PumpOptions, throws: boolean) {
    this.#port = port;
    this.#handler = handler;
    this.#onError = options.onError;
    this.#batch = new CompletionBatch(options.batchCompletions);
    this.#hooks = options.hooks;
    this.#throws = throws;
  }

  /** Whether there is something to do at once. */
  hasWork(): boolean {
    return this.#port.hasWork() || this.#hooks?.hasWork === true;
  }

  /** Whether a turn must follow, after the event loop has run promises. */
  get oweTurn(): boolean {
    return this.#hooks?.owesTurn === true;
  }

  /** Whether `flush` has something to do. */
  get needFlush(): boolean {
    return this.#hooks?.hasWork === true || this.oweTurn;
  }

  /** When a turn is due although nothing completes, by the port's clock; Infinity when never. */
  get dueAt(): number {
    return Math.min(this.#port.dueAt, this.#hooks?.dueAt ?? Infinity);
  }

  /**
   * The rounds of a turn in the event loop; returns whether any of them dequeued completions.
   * @param waitMs how long the first round may wait for completions. Unless it is 0 there is only that round, the caller
   * has flushed, and the next wait submits the operations that the round posts
   */
  turn(waitMs: number): boolean {
    this.areRunning = true;
    try {
      return this.#turn(waitMs);
    } finally {
      this.areRunning = false;
    }
  }

  #turn(waitMs: number): boolean {
    const hooks = this.#hooks;
    let rounds = 0;
    let productive = false;
    if (waitMs === 0) {
      this.flush();
    }
    let timeoutMs = waitMs === 0 ? 0 : this.#waitMs(waitMs);
    do {
      if (this.#port.isClosed && !this.#port.hasWork()) {
        break;
      }
      if (timeoutMs > 0) {
        this.#dequeueInWait(timeoutMs);
        timeoutMs = 0;
      } else {
        this.#dequeue(0);
      }
      const { length } = this.#batch;
      if (this.spin.active) {
        if (length === 0 && !this.spin.expired) {
          break;
        }
        this.spin.end(length > 0);
      }
      productive ||= length > 0;
      this.#dispatch();
      hooks?.flush();
      rounds++;
    } while (
      !this.isStopped &&
      rounds < TURN_ROUNDS_MAX &&
      (this.#mayBeLate() || (waitMs === 0 && (this.hasWork() || this.#arrivesSoon())))
    );
    this.#timePassed(rounds);
    return productive;
  }

  #dequeue(timeoutMs: number): void {
    this.#next = 0;
    this.#dequeued += this.#port.getQueuedCompletions(this.#batch, timeoutMs);
  }

  /** Only this dequeue waits for the event loop, too: not one of the program's own, from a promise between two rounds. */
  #dequeueInWait(timeoutMs: number): void {
    const wait = this.wait as LoopWait;
    wait.isUsed = true;
    try {
      this.#dequeue(timeoutMs);
    } finally {
      wait.isUsed = false;
    }
  }

  /** Calls the hooks that do what has accumulated. They may call handlers of the program. */
  flush(): void {
    this.#hooks?.begin();
    this.#hooks?.flush();
  }

  /** How long a dequeue may wait, for `mostMs` at the most. The hooks have flushed. */
  #waitMs(mostMs: number): number {
    const hooks = this.#hooks;
    if (hooks === undefined) {
      return mostMs;
    }
    if (hooks.hasWork || hooks.owesTurn) {
      return 0;
    }
    return hooks.dueAt === Infinity ? mostMs : Math.min(mostMs, Math.max(0, hooks.dueAt - this.#port.clock.now()));
  }

  /** Blocks this thread until the rounds are stopped, or the port is closed and its last completion dispatched. */
  block(): void {
    let rounds = 0;
    while (!this.isStopped) {
      if (this.#next === this.#batch.length) {
        if (this.#port.isClosed && !this.#port.hasWork()) {
          return;
        }
        this.#next = 0;
        if (rounds === 0) {
          this.#hooks?.begin();
        }
        this.#hooks?.flush();
        this.#dequeue(this.#waitMs(Infinity));
        rounds++;
      }
      this.#dispatch();
      if (this.#batch.length === 0 || rounds === TURN_ROUNDS_MAX) {
        this.#timePassed(rounds);
        rounds = 0;
      }
    }
  }

  /** After the rounds: timeouts expire, unless data that arrived in time may still be pending. */
  #timePassed(rounds: number): void {
    const hooks = this.#hooks;
    if (hooks === undefined || this.isStopped) {
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
    return this.#batch.length > 0 && this.#port.seesArrivals && this.stay.wait(this.#portHasWork);
  }

  /** Stops, and puts the completions back that were not dispatched because the handler stopped the pump or threw. */
  end(): void {
    const { entries, length } = this.#batch;
    this.#port.putBack(entries.splice(this.#next, length - this.#next));
    this.#batch.length = this.#next;
    this.isStopped = true;
  }

  /** Drops what the last completions refer to, before a pause. All of them are dispatched. */
  forget(): void {
    this.#next = 0;
    this.#batch.forget();
  }

  /**
   * Dispatches what is left of the batch. When `#handlerFailed` throws, the completions after the failed one stay in the
   * batch.
   */
  #dispatch(): void {
    const batch = this.#batch;
    while (this.#next < batch.length && !this.isStopped) {
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
    if (this.#throws) {
      throw left;
    }
    reportUncaught(left);
  }
}
