/**
 * Time limits on a wheel: an entry is put where the wheel will be when it is due. What is further away than one turn of
 * the wheel is put as far as it goes, and looked at again there. So is an entry whose limit has moved on meanwhile:
 * moving it each time something happens on a connection would cost more than looking once in a while.
 */

import type { Clock } from '../drivers/clock.js';

/** Limits are kept to this many ms, never early. */
export const TICK_MS = 32;

/** A tick that never comes: about a year of uptime away, and small enough to need no memory of its own in a record. */
export const NEVER = 2 ** 30;

/** Places of the wheel, a power of two: one turn is 33 s. */
const PLACES = 1024;
const MASK = PLACES - 1;

/** An entry: it may be on the wheel once. */
export interface Timed {
  /** @internal */
  timerNext: Timed | undefined;
  /** @internal */
  timerPrevious: Timed | undefined;
  /** @internal The tick that it waits for. */
  dueTick: number;
  /** @internal The tick has come. The entry is off the wheel; it may put itself on again. */
  timeIsUp(): void;
}

/** The head of a place: a ring of entries with one that never is due. */
class Place implements Timed {
  timerNext: Timed = this;
  timerPrevious: Timed = this;
  dueTick = NEVER;
  timeIsUp(): void {}
}

export class TimerWheel {
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #places: Place[] = Array.from({ length: PLACES }, () => new Place());
  #count = 0;
  /** The last tick that was handled. */
  #handled = 0;
  /** No entry is due before this tick. */
  #earliest = Infinity;
  /** The last look at the clock: what it said, and the tick of that. */
  now: number;
  tick = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.now();
    this.now = this.#startMs;
  }

  /** Entries on the wheel. */
  get count(): number {
    return this.#count;
  }

  /** When the next entry may be due, by the clock; Infinity when there is none. */
  get dueAt(): number {
    return this.#count === 0 ? Infinity : this.#startMs + this.#earliest * TICK_MS;
  }

  /** Looks at the clock; returns what it says. */
  look(): number {
    this.now = this.#clock.now();
    this.tick = Math.floor((this.now - this.#startMs) / TICK_MS);
    return this.now;
  }

  /** Puts an entry on the wheel, or moves it. */
  set(entry: Timed, dueTick: number): void {
    if (entry.timerNext !== undefined) {
      this.remove(entry);
    }
    entry.dueTick = dueTick;
    this.#put(entry);
  }

  #put(entry: Timed): void {
    // A tick that has been handled does not come again.
    const tick = Math.min(Math.max(entry.dueTick, this.#handled + 1), this.#handled + MASK);
    const place = this.#places[tick & MASK] as Place;
    const last = place.timerPrevious;
    entry.timerPrevious = last;
    entry.timerNext = place;
    last.timerNext = entry;
    place.timerPrevious = entry;
    this.#count++;
    this.#earliest = Math.min(this.#earliest, tick);
  }

  /** Takes an entry off the wheel, if it is on it. */
  remove(entry: Timed): void {
    const { timerNext, timerPrevious } = entry;
    if (timerNext === undefined || timerPrevious === undefined) {
      return;
    }
    timerPrevious.timerNext = timerNext;
    timerNext.timerPrevious = timerPrevious;
    entry.timerNext = undefined;
    entry.timerPrevious = undefined;
    this.#count--;
  }

  /** Tells the entries that are due; returns whether there were any. */
  advance(): boolean {
    this.look();
    if (this.#count === 0) {
      this.#handled = this.tick;
      this.#earliest = Infinity;
      return false;
    }
    if (this.tick < this.#earliest) {
      return false;
    }
    let told = false;
    // After a long sleep each place is looked at once: it holds all that has become due there.
    const from = Math.max(this.#earliest, this.tick - MASK);
    this.#handled = this.tick;
    for (let tick = from; tick <= this.tick; tick++) {
      told = this.#empty(this.#places[tick & MASK] as Place) || told;
    }
    this.#earliest = this.#findEarliest();
    return told;
  }

  /** Takes all entries out of a place: those that are due are told, the others are put where they are due. */
  #empty(place: Place): boolean {
    let told = false;
    for (let left = this.#count; left > 0 && place.timerNext !== place; left--) {
      const entry = place.timerNext;
      this.remove(entry);
      if (entry.dueTick <= this.tick) {
        told = true;
        entry.timeIsUp();
      } else {
        this.#put(entry);
      }
    }
    return told;
  }

  #findEarliest(): number {
    for (let tick = this.#handled + 1; this.#count > 0 && tick <= this.#handled + MASK; tick++) {
      const place = this.#places[tick & MASK] as Place;
      if (place.timerNext !== place) {
        return tick;
      }
    }
    return Infinity;
  }
}

/** An entry that calls back. */
export class Alarm implements Timed {
  timerNext: Timed | undefined = undefined;
  timerPrevious: Timed | undefined = undefined;
  dueTick = NEVER;
  readonly timeIsUp: () => void;

  constructor(timeIsUp: () => void) {
    this.timeIsUp = timeIsUp;
  }
}

/** The ticks that a limit of so many ms lasts: never less than that. 0 and Infinity are no limit. */
export function ticksOf(limitMs: number): number {
  return limitMs === 0 ? NEVER : Math.min(NEVER, Math.ceil(limitMs / TICK_MS) + 1);
}

/** The tick that is so many ticks behind another. */
export function tickAfter(tick: number, ticks: number): number {
  return Math.min(NEVER, tick + ticks);
}
