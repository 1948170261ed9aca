/** Options of an engine. */

import type { CompletionPortOptions } from '../port/options.js';
import type { HandlerErrorSink } from './handlers.js';

export interface EngineOptions extends CompletionPortOptions {
  /**
   * When more bytes than this are written and unsent on all connections together, the connection with the most is closed,
   * `engine_queue_full`. 1 to Infinity.
   * @default 268435456
   */
  readonly engineQueuedBytesMax?: number;
  /**
   * When received data that the engine holds takes more bytes of memory than this, on all connections together, the
   * connection that holds the most is closed, `engine_held_full`: chunks of paused connections, unfinished messages,
   * subscriptions. 1 to Infinity.
   * @default 268435456
   */
  readonly engineHeldBytesMax?: number;
  /**
   * Called with what a handler threw or rejected with where its connection has no handler `error`, or that one failed
   * too, and with the handler's name, its connection and the peer's address. By default a process warning. What it
   * throws itself is an uncaught exception of the process.
   */
  readonly onHandlerError?: HandlerErrorSink;
}
