/** Errors as `node:net` makes them: its codes, its words, its fields. */

import { getSystemErrorMap, inspect } from 'node:util';
import type { SocketAddress } from '../base/address.js';
import { withCode } from '../base/argument-errors.js';
import { OperationError } from '../base/errors.js';

/** The most characters of a text in a message, and what is left of a longer one. */
const TEXT_LENGTH_MAX = 28;
const TEXT_LENGTH_CUT = 25;

/** The most characters of any other value. */
const VALUE_LENGTH_MAX = 128;

/** A value in the words of Node's `ERR_INVALID_ARG_TYPE`. */
export function received(value: unknown): string {
  if (value === null || value === undefined) {
    return String(value);
  }
  if (typeof value === 'function') {
    return `function ${value.name}`;
  }
  if (typeof value === 'object') {
    const name: unknown = (value as { readonly constructor?: { readonly name?: unknown } }).constructor?.name;
    return typeof name === 'string' ? `an instance of ${name}` : inspect(value, { depth: -1 });
  }
  if (typeof value === 'string') {
    const text = value.length > TEXT_LENGTH_MAX ? `${value.slice(0, TEXT_LENGTH_CUT)}...` : value;
    return `type string (${text.includes("'") ? JSON.stringify(text) : `'${text}'`})`;
  }
  return `type ${typeof value} (${inspect(value)})`;
}

function kindOf(name: string): string {
  return name.includes('.') ? 'property' : 'argument';
}

/** @param expected in Node's words, such as `of type string` */
export function invalidArgType(name: string, expected: string, value: unknown): Error {
  const message = `The "${name}" ${kindOf(name)} must be ${expected}. Received ${received(value)}`;
  return withCode(new TypeError(message), 'ERR_INVALID_ARG_TYPE');
}

export function invalidArgValue(name: string, value: unknown, reason = 'is invalid'): Error {
  const text = inspect(value);
  const shown = text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}...` : text;
  return withCode(new TypeError(`The ${kindOf(name)} '${name}' ${reason}. Received ${shown}`), 'ERR_INVALID_ARG_VALUE');
}

export function outOfRange(name: string, expected: string, value: unknown): Error {
  const message = `The value of "${name}" is out of range. It must be ${expected}. Received ${inspect(value)}`;
  return withCode(new RangeError(message), 'ERR_OUT_OF_RANGE');
}

export function badPort(name: string, value: unknown): Error {
  const message = `${name} should be >= 0 and < 65536. Received ${received(value)}.`;
  return withCode(new RangeError(message), 'ERR_SOCKET_BAD_PORT');
}

export function missingArguments(): Error {
  const message = 'The "options" or "port" or "path" argument must be specified';
  return withCode(new TypeError(message), 'ERR_MISSING_ARGS');
}

export function invalidIpAddress(address: unknown): Error {
  return withCode(new TypeError(`Invalid IP address: ${String(address)}`), 'ERR_INVALID_IP_ADDRESS');
}

export function invalidAddressFamily(family: unknown, host: unknown, port: unknown): Error {
  const error = new RangeError(`Invalid address family: ${String(family)} ${String(host)}:${String(port)}`);
  return Object.assign(withCode(error, 'ERR_INVALID_ADDRESS_FAMILY'), { host, port });
}

/** The codes of plain errors, with their messages. */
const PLAIN = {
  ERR_SERVER_ALREADY_LISTEN: 'Listen method has been called more than once without closing.',
  ERR_SERVER_NOT_RUNNING: 'Server is not running.',
  ERR_SOCKET_CLOSED: 'Socket is closed',
  ERR_SOCKET_CLOSED_BEFORE_CONNECTION: 'Socket closed before the connection was established',
  ERR_SOCKET_CONNECTION_TIMEOUT: 'Socket connection timeout',
} as const;

export function plainError(code: keyof typeof PLAIN): Error {
  return withCode(new Error(PLAIN[code]), code);
}

export function invalidHandleType(): Error {
  return withCode(new TypeError('This handle type cannot be sent'), 'ERR_INVALID_HANDLE_TYPE');
}

export function blockedAddress(address: string): Error {
  return withCode(new Error(`IP(${address}) is blocked by net.BlockList`), 'ERR_IP_BLOCKED');
}

/** The fields that errors of the engine share with those of the system. */
interface Failure {
  readonly code: string;
  readonly errno: number | undefined;
}

export function failureOf(error: unknown): Failure {
  const { code, errno } = error as Partial<Failure>;
  return { code: code ?? 'UNKNOWN', errno };
}

/** The failure of a code, for failures that no operation reported. */
export function failureOfCode(code: string): Failure {
  for (const [errno, [name]] of getSystemErrorMap()) {
    if (name === code) {
      return { code, errno };
    }
  }
  return { code, errno: undefined };
}

/** A failure at an address. A path that is too long is an invalid argument to libuv, which checks it itself. */
export function failureAt(error: unknown, { family }: SocketAddress): Failure {
  const failure = failureOf(error);
  return family === 'unix' && failure.code === 'ENAMETOOLONG' ? failureOfCode('EINVAL') : failure;
}

/** An error of a system call without an address: `read ECONNRESET`. */
export function systemError({ code, errno }: Failure, syscall: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${syscall} ${code}`), { errno, code, syscall });
}

function placeText(address: unknown, port: unknown): string {
  const number = Number(port);
  return number > 0 ? ` ${String(address)}:${number}` : address ? ` ${String(address)}` : '';
}

interface Place {
  readonly address: string | undefined;
  /** Undefined for a path. */
  readonly port: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

/** An error of a connect or bind: `connect ECONNREFUSED 127.0.0.1:80`. */
export function addressError(failure: Failure, syscall: string, place: Place): NodeJS.ErrnoException {
  const { address, port, localAddress, localPort } = place;
  const hasLocal = Boolean(localAddress) && Boolean(localPort);
  const local = hasLocal ? ` - Local (${localAddress}:${localPort})` : '';
  const error = new Error(`${syscall} ${failure.code}${placeText(address, port)}${local}`);
  return Object.assign(error, {
    errno: failure.errno,
    code: failure.code,
    syscall,
    address,
    ...(port ? { port } : {}),
    ...(hasLocal ? { localAddress, localPort } : {}),
  });
}

/** An error of a listen, with the explanation of its code: `listen EADDRINUSE: address already in use :::80`. */
export function listenError(failure: Failure, address: string | null, port: number): NodeJS.ErrnoException {
  const reason = failure.errno === undefined ? undefined : getSystemErrorMap().get(failure.errno)?.[1];
  const explained = reason === undefined ? failure.code : `${failure.code}: ${reason}`;
  const error = new Error(`listen ${explained}${placeText(address, port)}`);
  return Object.assign(error, {
    code: failure.code,
    errno: failure.errno,
    syscall: 'listen',
    ...(address === null ? {} : { address }),
    port,
  });
}

/** The system calls of `node:net`, by the operations of the engine. */
const SYSCALLS: Readonly<Record<string, string>> = { receive: 'read', send: 'write', shutdown: 'shutdown' };

/** The error that a connection has failed with, as a socket of Node reports it. Errors of the engine itself stay as they are. */
export function connectionError(error: Error): Error {
  const syscall = error instanceof OperationError ? SYSCALLS[error.syscall] : undefined;
  if (syscall === undefined) {
    return error;
  }
  const failure = failureOf(error);
  // A reader would have seen the reset that our end has met.
  return syscall === 'shutdown' && failure.code === 'ENOTCONN'
    ? systemError(failureOfCode('ECONNRESET'), 'read')
    : systemError(failure, syscall);
}

/** All addresses were tried without success. */
export function allFailed(errors: readonly Error[]): Error {
  return Object.assign(new AggregateError(errors), { code: (errors[0] as NodeJS.ErrnoException | undefined)?.code });
}
