/** Options of an engine. */

import { ANY_COUNT, aFunction, aNumber, namesOf, type OptionTable } from '../base/validate.js';
import { type CheckedOptions, type CompletionPortOptions, checkOptions, PORT_OPTIONS } from '../port/options.js';
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
   * Called with what a handler threw or rejected with when its connection has no handler `error`, or when that one failed
   * too; and with the handler's name, its connection and the peer's address. What this function throws itself is an uncaught
   * exception of the process.
   * @default a process warning, `OverlappedHandlerWarning`
   */
  readonly onHandlerError?: HandlerErrorSink;
}

const ENGINE_OPTIONS = {
  ...PORT_OPTIONS,
  engineQueuedBytesMax: aNumber(ANY_COUNT),
  engineHeldBytesMax: aNumber(ANY_COUNT),
  onHandlerError: aFunction,
} as const satisfies Record<keyof EngineOptions, unknown> & OptionTable;

const MEANT = namesOf({ queuedBytesMax: 'engineQueuedBytesMax', heldBytesMax: 'engineHeldBytesMax' }, ENGINE_OPTIONS);

/**
 * Checks the options of an engine. @returns those of its port
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; RangeError `ERR_OUT_OF_RANGE`
 */
export function checkEngineOptions(options: EngineOptions): CheckedOptions {
  return checkOptions(options, { what: 'options', table: ENGINE_OPTIONS, meant: MEANT });
}

/** The same for the engines of a server's threads. @param what the options are called in messages */
export function checkPlainEngineOptions(what: string, options: EngineOptions): void {
  const { driver: _driver, onHandlerError: _onHandlerError, ...table } = ENGINE_OPTIONS;
  checkOptions(options, {
    what,
    prefix: `${what}.`,
    table,
    meant: MEANT,
    elsewhere: {
      driver: 'expected it in the options of listen',
      onHandlerError: 'expected it in the options of listen',
    },
  });
}
