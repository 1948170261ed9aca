/** Failures that the user can do something about: one line on standard error, and an exit code. */

// Not from the index, which loads koffi: `doctor` and errors must work without it.
import { OperationError } from '../base/errors.js';

/** The command ran and failed. */
export const EXIT_FAILED = 1;

/** The arguments are wrong, or the command cannot start on this system. */
export const EXIT_USAGE = 2;

/** A failure whose message says everything: what failed, why, and what to do. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT_USAGE) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** By the code of an error: why the operation failed, and what to do. */
export type Remedies = Readonly<Record<string, readonly [reason: string, advice: string]>>;

/** The message of an error without the system call and the code in front. */
export function reasonOf(error: OperationError): string {
  const start = `${error.syscall} ${error.code}: `;
  return error.message.startsWith(start) ? error.message.slice(start.length) : error.message;
}

/** Turns an OperationError into a failure that names the action. Returns any other error unchanged. */
export function explain(action: string, error: unknown, remedies: Remedies, exitCode: number = EXIT_USAGE): unknown {
  if (!(error instanceof OperationError)) {
    return error;
  }
  const remedy = remedies[error.code];
  return remedy === undefined
    ? new Failure(`${action}: ${reasonOf(error)} (${error.code})`, exitCode)
    : new Failure(`${action}: ${remedy[0]} (${error.code}); ${remedy[1]}`, exitCode);
}
