/**
 * Time limits on a wheel: an entry is in the place where the wheel will be when the entry is due. An entry that is due later
 * than one rotation is put as far as the wheel reaches, and placed again there. So is an entry whose limit was moved
 * meanwhile: moving it with each event of a connection would cost more than placing it again once in a while.
 *
 * Ticks are small integers, which need no memory of their own in a record. Before they become too large for that, the wheel
 * counts them from a later moment, and each record that keeps a tick is adjusted.
 */

import type { Clock } from '../../base/clock.js';

/** Limits are kept to this many ms, never early. */
export const TICK_MS = 32;

/** A tick that is never reached, as the wheel's tick stays far below. A limit of this many ticks, about a year, is none. */
export const NEVER = 2 ** 30;

/** At this tick, after 99 days, a wheel counts from a later moment. A multiple of PLACES, so that each entry stays in its place. */
const TICKS_MAX = 2 ** 28;

/** Places of the wheel, a power of two: one rotation is 33 s. */
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
  /** @internal The tick is reached. The entry is off the wheel; it may put itself on again. */
  timeIsUp(): void;
}

/** The head of a place: a ring of entries, in which the head itself is never due. */
class Place implements Timed {
  timerNext: Timed = this;
  timerPrevious: Timed = this;
  dueTick = NEVER;
  timeIsUp(): void {}
}

export class TimerWheel {
  readonly #clock: Clock;
  readonly #onMoved: (ticks: number) => void;
  /** When the ticks began, in whole ms, so that moving it changes no rounding. */
  #startMs: number;
  readonly #places: Place[] = Array.from({ length: PLACES }, () => new Place());
  #count = 0;
  /** The last tick that was handled. */
  #handled = 0;
  /** No entry is due before this tick. */
  #earliest = Infinity;
  /** The time of the last look at the clock, and its tick. */
  now: number;
  tick = 0;

  /** @param onMoved called in `look` when ticks are counted from a moment that is this many ticks later */
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

  /** Reads the clock, and returns its time. */
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
    // A tick that was handled is not reached again.
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

  /** Calls the entries that are due; returns whether there were any. */
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
    let called = false;
    // After a long sleep each place is emptied once: it holds all entries that have become due there.
    const from = Math.max(this.#earliest, this.tick - MASK);
    const last = this.tick;
    this.#handled = last;
    // An entry's own look may move the start: that changes no place.
    for (let tick = from; tick <= last; tick++) {
      called = this.#empty(this.#places[tick & MASK] as Place) || called;
    }
    this.#earliest = this.#findEarliest();
    return called;
  }

  /** Empties a place: entries that are due are called, the others are placed again. */
  #empty(place: Place): boolean {
    let called = false;
    for (let left = this.#count; left > 0 && place.timerNext !== place; left--) {
      const entry = place.timerNext;
      this.remove(entry);
      if (entry.dueTick <= this.tick) {
        called = true;
        entry.timeIsUp();
      } else {
        this.#put(entry);
      }
    }
    return called;
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

/** The ticks of a limit in ms, never shorter than the limit. 0 and Infinity are no limit. */
export function ticksOf(limitMs: number): number {
  return limitMs === 0 ? NEVER : Math.min(NEVER, Math.ceil(limitMs / TICK_MS) + 1);
}

/** The tick that is `ticks` after another, which may be negative: from before the moment from which ticks are counted. */
export function tickAfter(tick: number, ticks: number): number {
  return ticks === NEVER ? NEVER : Math.min(NEVER, tick + ticks);
}

/** The same tick, counted from a moment that is `ticks` later. A tick of more than a year ago becomes one of a year ago. */
export function movedTick(tick: number, ticks: number): number {
  return tick === NEVER ? NEVER : Math.max(-NEVER, tick - ticks);
}
