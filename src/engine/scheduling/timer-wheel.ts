/**
 * Time limits on a wheel: an entry is put where the wheel will be when it is due. What is further away than one turn of
 * the wheel is put as far as it goes, and looked at again there. So is an entry whose limit has moved on meanwhile:
 * moving it each time something happens on a connection would cost more than looking once in a while.
 *
 * Ticks are small integers, which need no memory of their own in a record. Before they become too large for that, they
 * are counted from a later moment, by everybody who keeps one.
 */

import type { Clock } from '../../base/clock.js';

/** Limits are kept to this many ms, never early. */
export const TICK_MS = 32;

/** A tick that never comes, as the wheel's own stays far below: what lasts for so many, about a year, is no limit. */
export const NEVER = 2 ** 30;

/** With so many ticks, which are 99 days, a wheel counts from a later moment. A multiple of its places: each stays where it is. */
const TICKS_MAX = 2 ** 28;

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
  readonly #onMoved: (ticks: number) => void;
  /** When the ticks began, in whole ms: then no look is rounded otherwise behind a move of it. */
  #startMs: number;
  readonly #places: Place[] = Array.from({ length: PLACES }, () => new Place());
  #count = 0;
  /** The last tick that was handled. */
  #handled = 0;
  /** No entry is due before this tick. */
  #earliest = Infinity;
  /** The last look at the clock: what it said, and the tick of that. */
  now: number;
  tick = 0;

  /** @param onMoved told when ticks are counted from a moment so many ticks later, which is in a look */
  constructor(clock: Clock, onMoved: (ticks: number) => void = () => undefined) {
    this.#clock = clock;
    this.#onMoved = onMoved;
    this.now = clock.now();
    this.#startMs = Math.floor(this.now);
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
    if (this.tick >= TICKS_MAX) {
      this.#moveStart();
    }
    return this.now;
  }

  /** Counts from a later moment. */
  #moveStart(): void {
    const ticks = this.tick - (this.tick % TICKS_MAX);
    this.#startMs += ticks * TICK_MS;
    this.tick -= ticks;
    this.#handled -= ticks;
    this.#earliest -= ticks;
    for (const place of this.#places) {
      for (let entry = place.timerNext; entry !== place; entry = entry.timerNext as Timed) {
        entry.dueTick = movedTick(entry.dueTick, ticks);
      }
    }
    this.#onMoved(ticks);
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
    const last = this.tick;
    this.#handled = last;
    // An entry's own look may move the start: that changes no place.
    for (let tick = from; tick <= last; tick++) {
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

/** The tick that is so many ticks behind another, which may be from before the moment from which they are counted. */
export function tickAfter(tick: number, ticks: number): number {
  return ticks === NEVER ? NEVER : Math.min(NEVER, tick + ticks);
}

/** The same tick, counted from a moment that is so many later. What was longer ago than a year was a year ago. */
export function movedTick(tick: number, ticks: number): number {
  return tick === NEVER ? NEVER : Math.max(-NEVER, tick - ticks);
}
