/** The rounds of an engine: lists of connections with work to do, tasks, and the timer wheel. The pump calls its hooks. */

import type { TurnHooks } from '../../port/running/pump-options.js';
import { CLOSING, DIRTY, RESUMING } from '../connection-core/state.js';
import type { EngineCounters } from '../counters.js';
import { RoundList } from './round-list.js';
import { type Alarm, NEVER, type TimerWheel, tickAfter, ticksOf } from './timer-wheel.js';

/** Something to do in the next round. */
export interface RoundTask {
  runTask(): void;
}

/** The actions of a round, for the connections on the lists and at the end. */
export interface RoundWork<Entry> {
  /** Cancels the receive of a connection that is still paused. */
  readonly stopIfPaused: (entry: Entry) => void;
  /** Delivers what was held, and receives again. What it throws goes to `failed`. */
  readonly resume: (entry: Entry) => void;
  /** Posts what was written. What it throws goes to `failed`. */
  readonly flush: (entry: Entry) => void;
  /** Calls the last handlers of a closed connection. */
  readonly finish: (entry: Entry) => void;
  readonly failed: (entry: Entry, error: unknown) => void;
  readonly roundOver: () => void;
  readonly portFailed: (error: Error) => void;
}

/** Receive low-water marks, as the scheduler sees them. */
interface MarkTimes {
  /** When a turn is due to lower one of them; Infinity when none is raised. */
  readonly dueAt: number;
  /** Sets the marks that have changed. */
  roundOver(): void;
  /** Lowers the marks that are due. @param at when completions were dequeued last */
  lowerDue(at: number): void;
}

/** The part of a port that the scheduler needs. */
interface TurnSource {
  /** A turn follows, unless one is running. */
  wantTurn(): void;
}

export class Scheduler<Entry extends { flags: number }> implements TurnHooks {
  readonly wheel: TimerWheel;
  /** Counts rounds. */
  round = 0;
  #port: TurnSource;
  readonly #work: RoundWork<Entry>;
  readonly #counters: EngineCounters;
  readonly #marks: MarkTimes;
  /** Nothing was dequeued in this turn yet. */
  #turnBegins = false;
  readonly #stopping = new RoundList<Entry>();
  readonly #resuming = new RoundList<Entry>();
  readonly #finishing = new RoundList<Entry>();
  readonly #dirty = new RoundList<Entry>();
  readonly #tasks = new RoundList<RoundTask>();
  /** When the batch that is being dispatched began, by the clock; negative between batches. */
  #batchBeganAt = -1;
  readonly #resumeOne = (entry: Entry): void => {
    try {
      this.#work.resume(entry);
    } catch (error) {
      this.#work.failed(entry, error);
    }
  };
  readonly #flushOne = (entry: Entry): void => {
    try {
      this.#work.flush(entry);
    } catch (error) {
      this.#work.failed(entry, error);
    }
  };

  constructor(port: TurnSource, wheel: TimerWheel, counters: EngineCounters, marks: MarkTimes, work: RoundWork<Entry>) {
    this.#port = port;
    this.wheel = wheel;
    this.#counters = counters;
    this.#marks = marks;
    this.#work = work;
  }

  /** A list that was empty needs a turn. The first entry of one that is not empty has requested it. */
  #add<Item extends object>(list: RoundList<Item>, item: Item): void {
    list.push(item);
    if (list.length === 1) {
      this.#port.wantTurn();
    }
  }

  /** The process ends, so no turn follows: `port` is called instead when there is something to do. */
  turnsEnd(port: TurnSource): void {
    this.#port = port;
  }

  /** Posts what was written, and nothing else. */
  flushWrites(): void {
    this.#dirty.drain(this.#flushOne);
  }

  /** The connection has something to post. */
  flushNext(entry: Entry): void {
    if ((entry.flags & DIRTY) === 0) {
      entry.flags |= DIRTY;
      this.#add(this.#dirty, entry);
    }
  }

  /** The connection receives again. */
  resumeNext(entry: Entry): void {
    if ((entry.flags & (RESUMING | CLOSING)) === 0) {
      entry.flags |= RESUMING;
      this.#add(this.#resuming, entry);
    }
  }

  /** The connection is closed, and its handlers are to be called. */
  finishNext(entry: Entry): void {
    this.#add(this.#finishing, entry);
  }

  /**
   * The connection was paused. Its receive is cancelled at the beginning of the next turn: a connection that is resumed
   * before, for example by a promise, keeps the receive that it has.
   */
  stopNext(entry: Entry): void {
    this.#add(this.#stopping, entry);
  }

  runNext(task: RoundTask): void {
    this.#add(this.#tasks, task);
  }

  /** Sets an alarm, in ms from now; 0 and Infinity are never. */
  setAlarm(alarm: Alarm, delayMs: number): void {
    this.wheel.look();
    const tick = tickAfter(this.wheel.tick, ticksOf(delayMs));
    if (tick < NEVER) {
      this.wheel.set(alarm, tick);
      this.#port.wantTurn();
    } else {
      this.wheel.remove(alarm);
    }
  }

  /** A completion is dispatched, perhaps the first of its batch. */
  completionBegins(): void {
    if (this.#batchBeganAt < 0) {
      this.#batchBeganAt = this.wheel.look();
    }
  }

  /** A hook of the pump: a turn begins. */
  begin(): void {
    this.#turnBegins = true;
    this.#stopping.drain(this.#work.stopIfPaused);
  }

  /** A hook of the pump: does what has accumulated since the last batch. */
  flush(): void {
    const began = this.#batchBeganAt;
    this.round = (this.round + 1) | 0;
    this.wheel.look();
    this.#resuming.drain(this.#resumeOne);
    this.#finishing.drain(this.#work.finish);
    this.#tasks.drain(runTask);
    this.#dirty.drain(this.#flushOne);
    this.#work.roundOver();
    this.#marks.roundOver();
    if (!this.#turnBegins) {
      this.#marks.lowerDue(began >= 0 ? began : this.wheel.now);
    }
    this.#turnBegins = false;
    if (began >= 0) {
      this.#counters.rounds++;
      this.#counters.handlersMs += this.wheel.look() - began;
      this.#batchBeganAt = -1;
    }
  }

  /** A hook of the pump: everything received was dispatched, so time limits may run out. */
  timePassed(): void {
    this.#marks.lowerDue(this.wheel.now);
    if (this.wheel.advance()) {
      this.flush();
    }
  }

  /** A hook of the pump: the port has failed, and with it every server and connection. */
  failed(error: Error): void {
    this.#work.portFailed(error);
  }

  /** Whether `flush` has something to do. */
  get hasWork(): boolean {
    return this.#dirty.length + this.#resuming.length + this.#finishing.length + this.#tasks.length > 0;
  }

  /** Whether `begin` has something to do. */
  get owesTurn(): boolean {
    return this.#stopping.length > 0;
  }

  /** When a time limit may run out, or a receive low-water mark is to be lowered, by the clock. */
  get dueAt(): number {
    return Math.min(this.wheel.dueAt, this.#marks.dueAt);
  }

  /** Whether it was due at the last look at the clock. */
  get late(): boolean {
    return this.wheel.dueAt <= this.wheel.now;
  }
}

function runTask(task: RoundTask): void {
  task.runTask();
}
