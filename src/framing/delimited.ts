/** Messages that end with a delimiter, such as lines. */

import { Buffer } from 'node:buffer';
import { invalidType, outOfRange } from '../base/argument-errors.js';
import { BufferViews } from '../base/buffer-views.js';
import { isBytes } from '../base/bytes.js';
import { aNumber, type Check } from '../base/validate.js';
import { checkEncoded, checkFramingOptions, type Emit, type Framing, invalid, tooLarge } from './framing.js';

/** Options of `delimited`. */
export interface DelimitedOptions {
  /** The end of a message: text or bytes. @default '\n' */
  readonly delimiter?: string | Uint8Array;
  /** The most bytes of a message, without its delimiter. @default 65536 */
  readonly messageBytesMax?: number;
}

const MESSAGE_BYTES_MAX = 64 * 1024;

/** Delimiters are short: a longer one is a mistake. */
const DELIMITER_BYTES_MAX = 256;

function aDelimiter(name: string, value: unknown): void {
  if (typeof value !== 'string' && !isBytes(value)) {
    throw invalidType(name, 'text or bytes (Uint8Array)', value);
  }
  const byteLength = Buffer.byteLength(value);
  if (byteLength === 0 || byteLength > DELIMITER_BYTES_MAX) {
    throw outOfRange(name, `1 to ${DELIMITER_BYTES_MAX} bytes`, value);
  }
}

const OPTIONS = {
  delimiter: aDelimiter,
  messageBytesMax: aNumber({ least: 1, most: 2 ** 31, whole: true }),
} as const satisfies Record<keyof DelimitedOptions, Check>;

class Delimited implements Framing<Buffer, Uint8Array | string> {
  readonly #delimiter: Buffer;
  /** The delimiter, as `indexOf` finds it fastest: a single byte is a number. */
  readonly #needle: number | Buffer;
  readonly #messageBytesMax: number;
  readonly frameBytesMax: number;

  constructor(delimiter: Buffer, messageBytesMax: number) {
    this.#delimiter = delimiter;
    this.#needle = delimiter.length === 1 ? (delimiter[0] as number) : delimiter;
    this.#messageBytesMax = messageBytesMax;
    this.frameBytesMax = messageBytesMax + delimiter.length;
  }

  decode(bytes: Buffer, emit: Emit<Buffer>, seenBytes = 0): number {
    const views = new BufferViews(bytes);
    let taken = 0;
    // The delimiter may have begun in the bytes that were searched before.
    let from = Math.max(0, seenBytes - this.#delimiter.length + 1);
    for (;;) {
      const end = bytes.indexOf(this.#needle, from);
      if (end < 0) {
        // The delimiter may have begun: then all of its bytes except the last are at the end, and are not the message's.
        this.#check(bytes.length - taken - (this.#delimiter.length - 1));
        return taken;
      }
      this.#check(end - taken);
      const message = views.at(taken, end - taken);
      taken = end + this.#delimiter.length;
      from = taken;
      if (!emit(message)) {
        return taken;
      }
    }
  }

  #check(byteLength: number): void {
    if (byteLength > this.#messageBytesMax) {
      throw tooLarge(byteLength, this.#messageBytesMax);
    }
  }

  encode(message: Uint8Array | string): readonly Uint8Array[] {
    const bytes =
      typeof message === 'string'
        ? Buffer.from(message)
        : Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    checkEncoded(bytes.length, this.#messageBytesMax);
    if (bytes.includes(this.#needle)) {
      throw invalid('A message contains the delimiter: the peer would receive two messages');
    }
    return [bytes, this.#delimiter];
  }
}

/**
 * A framing of messages that end with a delimiter. `encode` also takes text.
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; RangeError `ERR_OUT_OF_RANGE`
 */
export function delimited(options: DelimitedOptions = {}): Framing<Buffer, Uint8Array | string> {
  checkFramingOptions(options, OPTIONS, 'delimiter');
  return new Delimited(Buffer.from(options.delimiter ?? '\n'), options.messageBytesMax ?? MESSAGE_BYTES_MAX);
}
