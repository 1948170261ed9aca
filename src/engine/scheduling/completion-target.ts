/** The owner of a socket, which is its completion key: a connection, a listener, an attempt to connect. */

import type { Completion } from '../../port/completion.js';

export interface CompletionTarget {
  /** An operation of the socket has completed. What this throws is passed to `failed`. */
  completed(completion: Completion): void;
  /** A completion could not be handled, or the port has failed. */
  failed(error: Error): void;
  /** The program closes the engine. */
  engineClosed(): void;
  /** From now on the timer wheel counts from a moment that is `ticks` later. */
  ticksMoved?(ticks: number): void;
}
