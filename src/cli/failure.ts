/** Failures that the person at the terminal can do something about: one line on standard error and an exit code. */

import { OperationError } from '../index.js';

/** What was asked for was tried and went wrong. */
export const EXIT_FAILED = 1;

/** What was asked for makes no sense, or cannot start here. */
export const EXIT_USAGE = 2;

/** A failure whose message is all that is to be said about it: what, why and what to do. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT_USAGE) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Why an operation failed and what helps, by the code of its error. */
export type Remedies = Readonly<Record<string, readonly [reason: string, advice: string]>>;

/** An error's own words, without the call and the code that its message begins with. */
export function reasonOf(error: OperationError): string {
  const start = `${error.syscall} ${error.code}: `;
  return error.message.startsWith(start) ? error.message.slice(start.length) : error.message;
}

/** Turns an error of the port into a failure that says what was tried; any other error is passed on as it is. */
export function explain(action: string, error: unknown, remedies: Remedies, exitCode: number = EXIT_USAGE): unknown {
  if (!(error instanceof OperationError)) {
    return error;
  }
  const remedy = remedies[error.code];
  return remedy === undefined
    ? new Failure(`${action}: ${reasonOf(error)} (${error.code})`, exitCode)
    : new Failure(`${action}: ${remedy[0]} (${error.code}); ${remedy[1]}`, exitCode);
}
