/** Errors of handlers that no handler `error` takes: they go to the program's sink, or become a bounded number of warnings. */

import { setTimeout } from 'node:timers';
import { formatAddress } from '../../base/address.js';
import { isError, textOf } from '../../base/errors.js';
import { process } from '../../base/runtime.js';
import { reportUncaught } from '../../base/throw-async.js';
import type { AsyncContext } from '../../port/async-context.js';
import { knownRemoteAddress } from '../../port/socket.js';
import { close } from './close.js';
import { errorOf, type HandlerErrorSinkOf, type HandlerName } from './handler-table.js';
import type { ConnectionRecord } from './record.js';
import { isClosing } from './state.js';

/** The sink as the engine calls it, which knows no public class. */
export type ErrorSink = HandlerErrorSinkOf<ConnectionRecord>;

/** Warnings of one interval. A peer can make a handler fail as often as it likes, and must not fill the log. */
export const WARNINGS_MAX = 10;
export const WARNINGS_INTERVAL_MS = 10_000;

/** The most characters of an error's text in a warning, as a peer may have a say in it. */
const TEXT_LENGTH_MAX = 4096;

const WARNING_NAME = 'OverlappedHandlerWarning';

/** Allows WARNINGS_MAX in each interval, and then reports how many more there were. */
export class WarningLimit {
  readonly #report: (suppressed: number) => void;
  readonly #atIntervalEnd: (over: () => void) => void;
  #allowed = 0;
  #suppressed = 0;

  constructor(report: (suppressed: number) => void, atIntervalEnd: (over: () => void) => void) {
    this.#report = report;
    this.#atIntervalEnd = atIntervalEnd;
  }

  allows(): boolean {
    if (this.#allowed === 0) {
      this.#atIntervalEnd(() => this.#intervalOver());
    }
    if (this.#allowed === WARNINGS_MAX) {
      this.#suppressed++;
      return false;
    }
    this.#allowed++;
    return true;
  }

  #intervalOver(): void {
    const suppressed = this.#suppressed;
    this.#allowed = 0;
    this.#suppressed = 0;
    if (suppressed > 0) {
      this.#report(suppressed);
    }
  }
}

const limit = new WarningLimit(
  (suppressed) => {
    const text = `${suppressed} more handler errors in the last ${WARNINGS_INTERVAL_MS / 1000} s were not printed`;
    process.emitWarning(text, WARNING_NAME);
  },
  (over) => setTimeout(over, WARNINGS_INTERVAL_MS).unref(),
);

function cut(text: string): string {
  return text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}…` : text;
}

/**
 * A warning on standard error, as Node prints it for an unhandled problem that must not end the process. Node prints only
 * the name and message of a warning, and its `detail`: the stack is there.
 */
export const warnOfHandlerError: ErrorSink = (error, { handler, remoteAddress }) => {
  if (!limit.allows()) {
    return;
  }
  const peer = remoteAddress === undefined ? '' : formatAddress(remoteAddress);
  const whose = peer === '' ? '' : ` of the connection from ${peer}`;
  const message = `Handler ${handler}${whose} failed: ${cut(isError(error) ? error.message : textOf(error))}`;
  const stack = isError(error) && typeof error.stack === 'string' ? error.stack : undefined;
  const warning = Object.assign(new Error(message, { cause: error }), {
    name: WARNING_NAME,
    // Its own stack would only say that this file made it, and Node prints it beside the detail with --trace-warnings.
    stack: `${WARNING_NAME}: ${message}`,
    ...(stack === undefined ? {} : { detail: cut(stack) }),
  });
  process.emitWarning(warning);
};

/** Wraps a sink so that it never throws into its caller, and runs in the context in which it was given. */
export function guarded(sink: ErrorSink, context: AsyncContext): ErrorSink {
  return (error, info) => {
    try {
      context.enter(sink, undefined, error, info);
    } catch (thrown) {
      reportUncaught(thrown);
    }
  };
}

/** A handler, or what else a program gave for a connection, has thrown or rejected. */
export function handlerFailed(connection: ConnectionRecord, thrown: unknown, handler: HandlerName): void {
  connection.group.counters.handlerErrors++;
  if (isClosing(connection)) {
    // Its `error` has been called, or soon is, for another reason.
    reportHandlerError(connection, thrown, handler);
  } else {
    close(connection, 'handler_error', errorOf(thrown), handler);
  }
}

/** Reports what a handler threw to the engine's sink. */
export function reportHandlerError(connection: ConnectionRecord, error: unknown, handler: HandlerName): void {
  const remoteAddress = knownRemoteAddress(connection.socket);
  connection.group.engine.onHandlerError(error, { handler, connection, remoteAddress });
}
