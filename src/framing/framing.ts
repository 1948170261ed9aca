/** Framings: how messages are separated in a stream of bytes. */

import type { Buffer } from 'node:buffer';
import { invalidType, quoted } from '../base/argument-errors.js';
import { isError, OperationError } from '../base/errors.js';
import { ANY_COUNT, checkNumber, checkOptions, namesOf, type OptionTable } from '../base/validate.js';

/** The most bytes of an incomplete message, unless a framing sets its own limit. */
export const FRAME_BYTES_MAX = 16 * 1024 * 1024;

/** Passes on a message. Returns whether to continue: false when the connection was paused or closed, or has used up its round. */
export type Emit<Message> = (message: Message) => boolean;

/**
 * How messages are separated in a stream of bytes. A framing of your own is an object with `decode` and `encode`. It keeps no
 * state between calls, because all connections share it. The type of sent messages may be wider than that of received ones,
 * for example text as well as bytes.
 */
export interface Framing<Message = Buffer, Sent = Message> {
  /**
   * Decodes messages. The bytes that it does not take are passed again, before the bytes that are received next.
   * @param bytes a view that is valid during the call, as are messages that are views of it
   * @param emit must be called with each message; after it has returned false, no more bytes may be taken
   * @param seenBytes how many bytes at the beginning an earlier call has seen and not taken, because they contain no complete
   * message. A framing that searches for the end of a message starts there: then its work is linear in the bytes received,
   * even if a peer sends them one by one. Default: 0
   * @returns how many bytes were taken: those of all messages that were emitted
   * @throws FramingError for bytes that are not a message: the connection is closed, `framing_error`. Any other error is a
   * mistake of the program: `handler_error`
   */
  decode(bytes: Buffer, emit: Emit<Message>, seenBytes?: number): number;
  /**
   * Returns how many bytes `decode` needs at least, counted from the beginning of `bytes`. Optional. It is called when `decode`
   * has left bytes without a stop, with exactly these bytes; `decode` is not called again before as many are there. So a message
   * of 16 MiB costs one call of `decode`, not one for each received chunk.
   *
   * The number is a hint. If it is 0, or no more than the bytes that are there, `decode` is called with the next bytes. If it is
   * too high for a message that is already complete, that message waits: until as many bytes are there, until the stream ends,
   * when `decode` is called once more, or until the time limit of messages closes the connection.
   * @param bytes a view that is valid during the call
   * @returns an integer of 0 or more. If it exceeds `frameBytesMax` the connection is closed at once, `framing_error`
   * @throws FramingError as `decode` does
   */
  bytesNeeded?(bytes: Buffer): number;
  /** Encodes a message: returns its bytes, in one piece or several in order. */
  encode(message: Sent): Uint8Array | string | readonly (Uint8Array | string)[];
  /**
   * The most bytes that an incomplete message may have; above it the connection is closed, `framing_error`.
   * @default 16 MiB
   */
  readonly frameBytesMax?: number;
}

const FRAMING_CODES: ReadonlySet<unknown> = new Set(['ERR_FRAME_TOO_LARGE', 'ERR_FRAME_INVALID']);

/** The error of bytes that are not a message: `ERR_FRAME_TOO_LARGE` or `ERR_FRAME_INVALID`. */
export class FramingError extends OperationError {
  constructor(code: 'ERR_FRAME_TOO_LARGE' | 'ERR_FRAME_INVALID', reason: string) {
    super({ code, reason, syscall: 'decode' });
  }
}

/** Whether an error is a FramingError. Compares its code, because the class may be that of another copy of this package. */
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
  const { decode, encode, bytesNeeded, frameBytesMax } = framing as Partial<Framing>;
  if (typeof decode !== 'function' || typeof encode !== 'function') {
    throw invalidType(
      name,
      typeof framing === 'string' ? `${expected}, such as delimited() returns` : expected,
      framing,
    );
  }
  if (bytesNeeded !== undefined && bytesNeeded !== null && typeof bytesNeeded !== 'function') {
    throw invalidType(`${name}.bytesNeeded`, 'a function', bytesNeeded);
  }
  if (frameBytesMax !== undefined && frameBytesMax !== null) {
    checkNumber(`${name}.frameBytesMax`, frameBytesMax, ANY_COUNT);
  }
}

export function tooLarge(byteLength: number, bytesMax: number): FramingError {
  return new FramingError('ERR_FRAME_TOO_LARGE', `A message has ${byteLength} bytes, expected at most ${bytesMax}`);
}

export function invalid(reason: string): FramingError {
  return new FramingError('ERR_FRAME_INVALID', reason);
}

/** Sent messages have the same limit as received ones. */
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
