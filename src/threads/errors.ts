/** Errors on their way between threads: what posting leaves of an error has neither its code nor its class. */

import { OperationError } from '../drivers/error.js';
import { errorOf } from '../engine/handlers.js';

type Plain = string | number | boolean;

/** What was thrown, as it can be posted. */
export interface PackedError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** `code`, `errno`, `syscall` and the like. */
  readonly fields: Readonly<Record<string, Plain>>;
}

export function packError(thrown: unknown): PackedError {
  const error = errorOf(thrown);
  const { name, message, stack } = error;
  const fields: Record<string, Plain> = {};
  for (const [key, value] of Object.entries(error)) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      fields[key] = value;
    }
  }
  return { name, message, stack, fields };
}

export function unpackError({ name, message, stack, fields }: PackedError): Error {
  const error = new Error(message);
  if (name === 'OperationError') {
    Object.setPrototypeOf(error, OperationError.prototype);
  }
  Object.assign(error, fields);
  for (const [key, value] of Object.entries({ name, stack })) {
    Object.defineProperty(error, key, { value, configurable: true, writable: true });
  }
  return error;
}
