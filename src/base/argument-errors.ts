/**
 * Errors of arguments: Node's own classes and codes, so that a program treats a mistake in our options like one in Node's.
 * `OperationError` is for what the system refuses.
 */

import { inspect } from 'node:util';

/** The most characters of a value in a message. */
const VALUE_LENGTH_MAX = 80;

const HOW_TO_INSPECT = {
  depth: 1,
  maxArrayLength: 3,
  maxStringLength: 60,
  breakLength: Infinity,
  compact: true,
  // A value's own function could throw, or print pages.
  customInspect: false,
} as const;

/** A value for a message, as `util.inspect` prints it, on one line of limited length. */
export function quoted(value: unknown): string {
  let text: string;
  try {
    text = inspect(value, HOW_TO_INSPECT);
  } catch {
    // A proxy, or a class whose name is a getter that throws.
    text = Object.prototype.toString.call(value);
  }
  const line = text.replace(/\s*\n\s*/g, ' ');
  return line.length > VALUE_LENGTH_MAX ? `${line.slice(0, VALUE_LENGTH_MAX)}...` : line;
}

interface Coded {
  code: string;
}

/** Adds the code, and shows it in the stack as Node does: `TypeError [ERR_INVALID_ARG_TYPE]: ...`. */
export function withCode<Kind extends Error>(error: Kind, code: string): Kind & Coded {
  const { name } = error;
  Object.defineProperty(error, 'name', { value: `${name} [${code}]`, configurable: true });
  // V8 composes the stack when it is read first, from the name of that moment.
  void error.stack;
  Reflect.deleteProperty(error, 'name');
  return Object.assign(error, { code });
}

/** A value of the wrong type: `ERR_INVALID_ARG_TYPE`. @param name of the option or argument, such as `limits.queuedBytesMax` */
export function invalidType(name: string, expected: string, value: unknown): TypeError & Coded {
  return withCode(new TypeError(`${name}: expected ${expected}, got ${quoted(value)}`), 'ERR_INVALID_ARG_TYPE');
}

/** A value of the right type that is not one of those that exist: `ERR_INVALID_ARG_VALUE`. */
export function invalidValue(name: string, expected: string, value: unknown): TypeError & Coded {
  return misuse(`${name}: expected ${expected}, got ${quoted(value)}`);
}

/** Options that are wrong together, or where they are given: `ERR_INVALID_ARG_VALUE`. */
export function misuse(message: string): TypeError & Coded {
  return withCode(new TypeError(message), 'ERR_INVALID_ARG_VALUE');
}

/** A number out of its range: `ERR_OUT_OF_RANGE`. */
export function outOfRange(name: string, expected: string, value: unknown): RangeError & Coded {
  return withCode(new RangeError(`${name}: expected ${expected}, got ${quoted(value)}`), 'ERR_OUT_OF_RANGE');
}

/** A number that is no port: `ERR_SOCKET_BAD_PORT`. */
export function badPort(name: string, expected: string, value: unknown): RangeError & Coded {
  return withCode(new RangeError(`${name}: expected ${expected}, got ${quoted(value)}`), 'ERR_SOCKET_BAD_PORT');
}
