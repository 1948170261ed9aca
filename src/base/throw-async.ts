/** Errors that functions of the program throw at a point where the caller cannot stop. */

import { queueMicrotask } from './runtime.js';

/** Throws the error after the current code has run: it becomes an uncaught exception, as in any callback of Node. */
export function reportUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
