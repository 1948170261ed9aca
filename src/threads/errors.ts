/** Errors on their way between threads: `postMessage` drops the code and the class of an error. */

import { OperationError, textOf } from '../base/errors.js';
import { errorOf } from '../engine/handlers.js';

/** The most characters of each text of an error that are posted. */
const TEXT_LENGTH_MAX = 16_384;

type Plain = string | number | boolean;

/** A thrown value in a form that can be posted. */
export interface PackedError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Its own properties with plain values: `code`, `errno`, `syscall` and others. */
  readonly fields: Readonly<Record<string, Plain>>;
}

export function packError(thrown: unknown): PackedError {
  const error = errorOf(thrown);
  try {
    const { name, message, stack } = error;
    const fields = Object.create(null) as Record<string, Plain>;
    for (const [key, value] of Object.entries(error)) {
      if (typeof value === 'string') {
        fields[key] = cut(value);
      } else if (typeof value === 'number' || typeof value === 'boolean') {
        fields[key] = value;
      }
    }
    return {
      name: cut(name),
      message: cut(message),
      stack: typeof stack === 'string' ? cut(stack) : undefined,
      fields,
    };
  } catch {
    // A property of the error throws when it is read.
    return { name: 'Error', message: textOf(thrown), stack: undefined, fields: {} };
  }
}

/** Bounds a text: a peer may choose it, and each error is posted to the main thread. */
function cut(text: unknown): string {
  return String(text).slice(0, TEXT_LENGTH_MAX);
}

/** Errors of these names have the class of that name again. A bundler may have given a class another name. */
const PROTOTYPES: ReadonlyMap<string, object> = new Map<string, object>([
  ['OperationError', OperationError.prototype],
  ['TypeError', TypeError.prototype],
  ['RangeError', RangeError.prototype],
]);

export function unpackError({ name, message, stack, fields }: PackedError): Error {
  const error = new Error(message);
  const prototype = PROTOTYPES.get(name);
  if (prototype !== undefined) {
    Object.setPrototypeOf(error, prototype);
  }
  Object.assign(error, fields);
  for (const [key, value] of Object.entries({ name, stack })) {
    Object.defineProperty(error, key, { value, configurable: true, writable: true });
  }
  return error;
}
