/** select as a system has it: the form of its sets, and the call. The rest is the poller's, for every system. */

import type { Wake } from '../common/interruptible-wait.js';
import type { LoopWatch } from '../driver.js';

/** A wake-up that can be asked for among sockets. */
export interface SelectWake extends Wake {
  /** Its number among the sockets. */
  readonly socket: number;
  /** What another thread needs to wake it. */
  readonly descriptor: number;
}

/** The sockets that are to be asked for. */
export interface SelectSystem {
  openWake(): SelectWake;
  /**
   * Before anything is wanted of a socket; its number may have been another's. Returns 0, or the system's error number,
   * negated.
   */
  add(socket: number): number;
  /** Nothing will be wanted of it any more. */
  remove(socket: number): void;
  wantRead(socket: number, wanted: boolean): void;
  wantWrite(socket: number, wanted: boolean): void;
  createCall(): SelectCall;
  /** Whether the watch reports each readiness once, wanted or not. */
  readonly reportsOnce: boolean;
  /** How Node's event loop hears that something of what is wanted is ready. */
  watch(onReady: () => void): LoopWatch;
}

/** Memory for one call at a time: select puts its answer where the question was. */
export interface SelectCall {
  /** Asks for what is wanted at this moment, for up to `timeoutMs`; returns how much is ready, or the error, negated. */
  select(timeoutMs: number): number;
  /**
   * Behind an error that says that a descriptor is not open: finds those, which are ready from then on, so that the
   * operations on them fail, and no others; returns how many they are, 0 for any other error.
   */
  findClosed(systemNumber: number): number;
  /** What `select` has found, when that was something. */
  forEachReady(found: (socket: number, readable: boolean, writable: boolean) => void): void;
}
