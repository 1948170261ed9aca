/** What a framing is: how messages lie in a stream of bytes. */

import type { Buffer } from 'node:buffer';
import { invalidType, quoted } from '../base/argument-errors.js';
import { isError, OperationError } from '../base/errors.js';
import { ANY_COUNT, checkNumber, checkOptions, namesOf, type OptionTable } from '../base/validate.js';

/** The most bytes of an incomplete message when a framing names no limit of its own. */
export const FRAME_BYTES_MAX = 16 * 1024 * 1024;

/** Takes a message. Returns whether to go on: false when the connection was paused or closed, or has had its turn. */
export type Emit<Message> = (message: Message) => boolean;

/**
 * A framing of one's own is an object of these two functions. It keeps nothing between calls: connections share it. What
 * can be sent may be more than what comes: text besides bytes, say.
 */
export interface Framing<Message = Buffer, Sent = Message> {
  /**
   * Takes messages out of bytes. The bytes that it leaves come again, before the bytes that are received next.
   * @param bytes a view that is valid during the call, and so are messages that are parts of it
   * @param emit to be called for each message; once it returns false, nothing more is to be taken
   * @param seenBytes how many of the first bytes an earlier call has seen and left, with no complete message in them; 0 by default. A
   * framing that searches for the end of a message starts there: then its work is linear in the bytes received, also when
   * a peer sends them one by one
   * @returns how many bytes were taken: those of all messages that were emitted
   * @throws FramingError for bytes that are no message, which closes the connection, `framing_error`. Anything else is
   * the program's mistake, `handler_error`
   */
  decode(bytes: Buffer, emit: Emit<Message>, seenBytes?: number): number;
  /** The bytes of a message, in one piece or several that follow each other. */
  encode(message: Sent): Uint8Array | string | readonly (Uint8Array | string)[];
  /** The most bytes that an incomplete message may have; more ends the connection. 16 MiB by default. */
  readonly frameBytesMax?: number;
}

const FRAMING_CODES: ReadonlySet<unknown> = new Set(['ERR_FRAME_TOO_LARGE', 'ERR_FRAME_INVALID']);

/** Bytes that are no message: `ERR_FRAME_TOO_LARGE`, or `ERR_FRAME_INVALID`. */
export class FramingError extends OperationError {
  constructor(code: 'ERR_FRAME_TOO_LARGE' | 'ERR_FRAME_INVALID', reason: string) {
    super({ code, reason, syscall: 'decode' });
  }
}

/** Whether an error says that the bytes are no message. By its code: the class may be that of another copy of this package. */
export function isFramingError(error: unknown): error is FramingError {
  return isError(error) && FRAMING_CODES.has((error as { readonly code?: unknown }).code);
}

/**
 * Checks an option that is a framing. @throws TypeError `ERR_INVALID_ARG_TYPE`, for a factory that was not called, too;
 * RangeError `ERR_OUT_OF_RANGE`
 */
export function aFraming(name: string, framing: unknown): void {
  const expected = 'an object with the functions decode and encode';
  if (typeof framing === 'function') {
    throw invalidType(name, `${expected}, such as ${framing.name || 'the function'}(...) returns`, framing);
  }
  const { decode, encode, frameBytesMax } = framing as Partial<Framing>;
  if (typeof decode !== 'function' || typeof encode !== 'function') {
    throw invalidType(
      name,
      typeof framing === 'string' ? `${expected}, such as delimited() returns` : expected,
      framing,
    );
  }
  if (frameBytesMax !== undefined && frameBytesMax !== null) {
    checkNumber(`${name}.frameBytesMax`, frameBytesMax, ANY_COUNT);
  }
}

export function tooLarge(byteLength: number, bytesMax: number): FramingError {
  return new FramingError('ERR_FRAME_TOO_LARGE', `A message has ${byteLength} bytes, and may have ${bytesMax}`);
}

export function invalid(reason: string): FramingError {
  return new FramingError('ERR_FRAME_INVALID', reason);
}

/** A message that is to be sent must keep the limit that the peer's is held to. */
export function checkEncoded(byteLength: number, bytesMax: number): void {
  if (byteLength > bytesMax) {
    throw tooLarge(byteLength, bytesMax);
  }
}

/**
 * Checks what a factory of framings takes: an object, also where a program may pass the most important option alone.
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; RangeError `ERR_OUT_OF_RANGE`
 */
export function checkFramingOptions(options: unknown, table: OptionTable, first: string): void {
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', `an object such as { ${first}: ${quoted(options)} }`, options);
  }
  checkOptions(options, { what: 'options', table, meant: namesOf(table) });
}
