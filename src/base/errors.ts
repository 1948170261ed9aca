/** Errors of operations. They have Node's shape on all systems, plus the system's own error number. */

import { getSystemErrorMap, types } from 'node:util';
import { formatAddress, type SocketAddress } from './address.js';
import { assert } from './assert.js';

/** One line for each code: the system's number, Node's code, and an explanation. */
export type ErrorLine = readonly [systemNumber: number, code: string, message: string];

/** An error that no system has: the memory of a send was detached, or has shrunk, before all of it was sent. */
export const ERR_BUFFER_DETACHED = 2 ** 30;

const DETACHED_LINE: ErrorLine = [
  ERR_BUFFER_DETACHED,
  'ERR_BUFFER_DETACHED',
  'The memory of these bytes was transferred or resized before they were sent; write a copy instead',
];

/** A system's table of errors. The code of an unknown number contains it: `UNKNOWN_123`. */
export class ErrorTable {
  readonly #lines = new Map<number, ErrorLine>();
  readonly #numbers = new Map<string, number>();

  constructor(lines: readonly ErrorLine[]) {
    for (const line of [DETACHED_LINE, ...lines]) {
      this.#lines.set(line[0], line);
      this.#numbers.set(line[1], line[0]);
    }
  }

  /** @param systemNumber the system's number of an error, positive */
  codeOf(systemNumber: number): string {
    return this.#lines.get(systemNumber)?.[1] ?? `UNKNOWN_${systemNumber}`;
  }

  /** The system's number of a code, which must be in the table. */
  numberOf(code: string): number {
    const systemNumber = this.#numbers.get(code);
    assert(systemNumber !== undefined);
    return systemNumber;
  }

  messageOf(systemNumber: number): string {
    return this.#lines.get(systemNumber)?.[2] ?? 'Unknown error';
  }

  /** Creates the error of a failed call. */
  create(systemNumber: number, syscall: string, address?: SocketAddress): OperationError {
    return new OperationError({
      code: this.codeOf(systemNumber),
      reason: this.messageOf(systemNumber),
      syscall,
      systemNumber,
      ...(address === undefined ? {} : { address }),
    });
  }
}

/** The parts of an operation's error. */
export interface OperationErrorFields {
  /** A stable code, Node's where Node has one. */
  readonly code: string;
  /** The reason in words, for the message. */
  readonly reason: string;
  /** The operation or system call that failed. */
  readonly syscall: string;
  /** The system's own number of the error, if it has one. */
  readonly systemNumber?: number;
  /** The address of a failed connect, bind or listen. */
  readonly address?: SocketAddress;
}

let errnoByCode: Map<string, number> | undefined;

/** Node's negative errno for a code; undefined for codes that Node does not know. */
function errnoOf(code: string): number | undefined {
  errnoByCode ??= new Map([...getSystemErrorMap()].map(([errno, [name]]) => [name, errno]));
  return errnoByCode.get(code);
}

/** An operation or a call that failed for a reason outside the program. */
export class OperationError extends Error {
  readonly #fields: OperationErrorFields;
  /** Tells it from other errors. */
  override readonly name = 'OperationError';
  /** Stable, Node's where Node has one: `ECONNRESET`, `EADDRINUSE`, … */
  readonly code: string;
  /** Node's negative number for `code`. */
  readonly errno: number | undefined;
  /** The operation or system call that failed. */
  readonly syscall: string;
  /** The number the system itself gave, if one did. */
  readonly systemNumber: number | undefined;
  /** The address that was tried, for a connect, bind or listen. */
  readonly address: string | undefined;
  /** The port that was tried, for a connect, bind or listen. */
  readonly port: number | undefined;

  /** Makes the error; its message is built from the fields. */
  constructor(fields: OperationErrorFields) {
    const { address } = fields;
    super(`${fields.syscall} ${fields.code}: ${fields.reason}${address === undefined ? '' : ` ${describe(address)}`}`);
    this.#fields = fields;
    this.code = fields.code;
    this.errno = errnoOf(fields.code);
    this.syscall = fields.syscall;
    this.systemNumber = fields.systemNumber;
    this.address = address === undefined ? undefined : address.family === 'unix' ? address.path : address.address;
    this.port = address === undefined || address.family === 'unix' ? undefined : address.port;
  }

  /** @internal The same failure as that of a larger operation, of which the failed call was a part. */
  as(syscall: string, address: SocketAddress): OperationError {
    return new OperationError({ ...this.#fields, syscall, address });
  }
}

/** The error of bytes whose memory was detached before a send of them was posted. */
export function bufferDetached(syscall: string): OperationError {
  const [, code, reason] = DETACHED_LINE;
  return new OperationError({ code, reason, syscall });
}

function describe(address: SocketAddress): string {
  return address.family === 'unix' ? formatAddress(address) : `${address.address}:${address.port}`;
}

/**
 * Whether a value can be treated as an error. `instanceof` is false for errors of another realm (a vm context, a test
 * runner's), and Node's `isNativeError` is false for a DOMException, which has an error's name and message in every realm.
 */
export function isError(value: unknown): value is Error {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  try {
    const { name, message } = value as { readonly name?: unknown; readonly message?: unknown };
    return types.isNativeError(value) || (typeof name === 'string' && typeof message === 'string');
  } catch {
    return false;
  }
}

/** Like `String(value)`, which throws for an object that cannot be converted, or whose `toString` throws. */
export function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
