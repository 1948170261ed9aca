/** A system's form of select: its sets of sockets and the call. The rest is the poller's, the same on every system. */

import type { Wake } from '../common/wakeable-wait.js';
import type { LoopWatch } from '../driver.js';

/** The parts of select that differ between systems: its wake-up, its sets of sockets, and its call. */
export interface SelectSystem {
  /** Opens a wake-up whose `readable` end can be a member of the sets. */
  openWake(): Wake;
  /**
   * Call it before a socket is wanted; an earlier socket may have had the same number. Returns 0, or the system's error
   * number, negated.
   */
  add(socket: number): number;
  /** The socket is never wanted again. */
  remove(socket: number): void;
  wantRead(socket: number, wanted: boolean): void;
  wantWrite(socket: number, wanted: boolean): void;
  createCall(): SelectCall;
  /** Whether the watch reports each readiness once, even if it is not wanted at that time. */
  readonly reportsOnce: boolean;
  /** Wakes Node's event loop when a wanted socket is ready. */
  watch(onReady: () => void): LoopWatch;
}

/** A call of select with memory of its own: select writes its answer over the sets that it was passed. */
export interface SelectCall {
  /** Asks about the wanted sockets, for up to `timeoutMs`; returns how many are ready, or the error number, negated. */
  select(timeoutMs: number): number;
  /**
   * Finds the closed sockets after `select` failed because of one, and makes them ready, so that exactly their
   * operations fail. Returns how many there are; 0 for any other error.
   */
  findClosed(systemNumber: number): number;
  /** Reports the ready sockets after a `select` that returned more than 0. */
  forEachReady(found: (socket: number, readable: boolean, writable: boolean) => void): void;
}
