/** Calls of the program from a turn of the engine, as Node calls back for a handle. */

import { process, runTicks } from '../base/runtime.js';
import { reportUncaught } from '../base/throw-async.js';

/** Node's handler of uncaught exceptions, with the functions that it looks at. */
interface FatalProcess {
  /** @returns whether the program has handled it */
  _fatalException?(error: unknown): boolean;
  hasUncaughtExceptionCaptureCallback(): boolean;
  setUncaughtExceptionCaptureCallback(callback: ((error: Error) => void) | null): void;
}

const fatal = process as unknown as FatalProcess;

/**
 * Calls a function, and then runs what `process.nextTick` and promises have queued: a program expects that its promises
 * go on before the next bytes, or the end, of a socket are reported. An exception of any of it is uncaught, as
 * in a callback of Node: it must neither end the connection nor keep the engine from what else is due.
 */
export function callBack<A, B>(call: (a: A, b: B) => void, a: A, b: B): void {
  try {
    call(a, b);
  } catch (error) {
    reportUncaught(error);
  }
  runQueued();
}

/** The same for a connection of `listen` or `connect`: what the function throws ends it, as what one of its handlers throws. */
export function callAsHandler<A, B>(call: (a: A, b: B) => void, a: A, b: B): void {
  try {
    call(a, b);
  } finally {
    runQueued();
  }
}

/** Runs what `process.nextTick` and promises have queued. */
export function runQueued(): void {
  try {
    runTicks?.();
  } catch (error) {
    tickFailed(error);
  }
}

/**
 * A function of `process.nextTick` has thrown. Node leaves its async id on the stack of ids then, as the exception goes to
 * native code, which empties the stack. The scopes around this call would find a foreign id and end the process.
 */
function tickFailed(error: unknown): void {
  if (fatal.hasUncaughtExceptionCaptureCallback() || process.listenerCount('uncaughtException') > 0) {
    fatal._fatalException?.(error);
  } else {
    emptyIds();
    reportUncaught(error);
  }
}

/** Empties the stack of async ids: Node does so after an exception that was handled. */
function emptyIds(): void {
  const monitors = process.rawListeners('uncaughtExceptionMonitor') as ((error: Error) => void)[];
  process.removeAllListeners('uncaughtExceptionMonitor');
  try {
    fatal.setUncaughtExceptionCaptureCallback(() => undefined);
    fatal._fatalException?.(undefined);
    fatal.setUncaughtExceptionCaptureCallback(null);
  } catch {
    // A domain handles exceptions.
  }
  for (const monitor of monitors) {
    process.on('uncaughtExceptionMonitor', monitor);
  }
}
