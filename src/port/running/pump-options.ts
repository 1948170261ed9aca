/** The handler of a running port, its options, and the hooks of the layer above it. */

import type { Completion } from '../completion.js';

/** A handler of completions, for `start` and `run`. */
export type CompletionHandler = (completion: Completion) => void;

/** The work of a layer above the port in each turn, besides handling completions. No hook may throw. */
export interface TurnHooks {
  /** Called at the beginning of each turn. */
  begin(): void;
  /** Called before completions are dequeued, and after each batch of them: posts what has accumulated. */
  flush(): void;
  /** Called after all pending completions were dispatched, so that a slow turn does not time out data that arrived in time. */
  timePassed(): void;
  /** Called once, in a turn or while the port is being closed, when the port has failed: nothing completes any more. */
  failed?(error: Error): void;
  /** Whether `flush` has something to do at once. */
  readonly hasWork: boolean;
  /** When a turn is due although nothing completes, by the port's clock; Infinity when never. */
  readonly dueAt: number;
  /** Whether it was due when `flush` ended. */
  readonly late: boolean;
  /** Whether `begin` has something to do: then another turn follows, after the event loop has run promises. */
  readonly owesTurn: boolean;
}

/** Options of `start` and `run`. */
export interface PumpOptions {
  /** Called with each error that the handler throws, and with the completion that it was called for. */
  readonly onError?: (error: unknown, completion: Completion) => void;
  /**
   * Called once if the port itself fails, because the system permanently refuses something that the driver needs. All
   * operations end with that error, and the port is closed. Without it `run` throws the error, and after `start` it is an
   * uncaught exception.
   */
  readonly onFailure?: (error: Error) => void;
  /**
   * The most completions that are dequeued at once, 1 to 65,536.
   * @default 256
   */
  readonly batchCompletions?: number;
  /** @internal */
  readonly hooks?: TurnHooks;
}
