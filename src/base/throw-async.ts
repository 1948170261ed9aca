/** What the program's own functions throw where we cannot stop half-way. */

import { queueMicrotask } from './runtime.js';

/** Throws behind what runs now: whoever listens for uncaught exceptions gets it, as with any callback of Node. */
export function reportUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
