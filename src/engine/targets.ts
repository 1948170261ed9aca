/** What an engine dispatches to besides connections. */

import type { Completion } from '../port/completion.js';

/** A socket's completion key that is no connection's: a listener's, or an attempt to connect. */
export interface CompletionTarget {
  /** A completion of the socket; it may throw, which the target is told by `failed`. */
  completed(completion: Completion): void;
  failed(error: Error): void;
  /** The engine closes. */
  engineClosed(): void;
}

/** Something to be done in the next turn. */
export interface TurnTask {
  turn(): void;
}
