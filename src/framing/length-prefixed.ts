/** Messages that begin with their length. */

import { Buffer } from 'node:buffer';
import { invalidValue } from '../base/argument-errors.js';
import { BufferViews } from '../base/buffer-views.js';
import { ANY_COUNT, aBoolean, aNumber, type Check, checkNumber, oneOf } from '../base/validate.js';
import { checkEncoded, checkFramingOptions, type Emit, type Framing, invalid, tooLarge } from './framing.js';
import { type ByteOrder, INCOMPLETE, type NumberFormat, type NumberSize, numberFormat, takenBy } from './numbers.js';

/** Options of `lengthPrefixed`. */
export interface LengthPrefixedOptions {
  /** Bytes of the length: 1, 2, 4, or `varint`: as many as the number needs. @default 4 */
  readonly lengthSize?: NumberSize;
  /** The byte order of the length. @default 'big', the order of network protocols */
  readonly order?: ByteOrder;
  /** Whether the length counts its own bytes too, which is impossible with `varint`. @default false */
  readonly countsHeader?: boolean;
  /** The most bytes of a message. @default 1048576, or less if the length cannot express it */
  readonly messageBytesMax?: number;
}

const MESSAGE_BYTES_MAX = 1024 * 1024;

const OPTIONS = {
  lengthSize: oneOf(1, 2, 4, 'varint'),
  order: oneOf('big', 'little'),
  countsHeader: aBoolean,
  messageBytesMax: aNumber(ANY_COUNT),
} as const satisfies Record<keyof LengthPrefixedOptions, Check>;

class LengthPrefixed implements Framing<Buffer, Uint8Array> {
  readonly #format: NumberFormat;
  readonly #headerBytes: number;
  readonly #countedBytes: number;
  readonly #messageBytesMax: number;
  readonly frameBytesMax: number;

  constructor(format: NumberFormat, headerBytesMax: number, countedBytes: number, messageBytesMax: number) {
    this.#format = format;
    this.#headerBytes = headerBytesMax;
    this.#countedBytes = countedBytes;
    this.#messageBytesMax = messageBytesMax;
    this.frameBytesMax = headerBytesMax + messageBytesMax;
  }

  decode(bytes: Buffer, emit: Emit<Buffer>): number {
    const views = new BufferViews(bytes);
    let taken = 0;
    for (;;) {
      const length = this.#format.read(bytes, taken);
      if (length === INCOMPLETE) {
        return taken;
      }
      const messageBytes = length - this.#countedBytes;
      if (messageBytes < 0 || messageBytes > this.#messageBytesMax) {
        throw this.#refusal(length, messageBytes);
      }
      const start = taken + takenBy(this.#format, bytes, taken);
      const end = start + messageBytes;
      if (end > bytes.length) {
        return taken;
      }
      taken = end;
      if (!emit(views.at(start, messageBytes))) {
        return taken;
      }
    }
  }

  bytesNeeded(bytes: Buffer): number {
    const length = this.#format.read(bytes, 0);
    if (length === INCOMPLETE) {
      return this.#format.leastBytes;
    }
    return takenBy(this.#format, bytes, 0) + length - this.#countedBytes;
  }

  #refusal(length: number, messageBytes: number): Error {
    return messageBytes < 0
      ? invalid(`A length of ${length} does not include its own ${this.#headerBytes} bytes`)
      : tooLarge(messageBytes, this.#messageBytesMax);
  }

  encode(message: Uint8Array): readonly Uint8Array[] {
    const { byteLength } = message;
    checkEncoded(byteLength, this.#messageBytesMax);
    const value = byteLength + this.#countedBytes;
    const header = Buffer.allocUnsafe(this.#format.sizeOf(value));
    this.#format.write(header, value, 0);
    return [header, message];
  }
}

/**
 * A framing of messages that begin with their length.
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; RangeError `ERR_OUT_OF_RANGE`
 */
export function lengthPrefixed(options: LengthPrefixedOptions = {}): Framing<Buffer, Uint8Array> {
  checkFramingOptions(options, OPTIONS, 'lengthSize');
  const size = options.lengthSize ?? 4;
  const format = numberFormat(size, options.order ?? 'big');
  const countsHeader = options.countsHeader ?? false;
  if (size === 'varint' && countsHeader) {
    throw invalidValue('countsHeader', 'false with a length of variable size', countsHeader);
  }
  const headerBytes = size === 'varint' ? format.sizeOf(format.most) : size;
  const countedBytes = countsHeader ? headerBytes : 0;
  const most = format.most - countedBytes;
  const messageBytesMax = options.messageBytesMax ?? Math.min(MESSAGE_BYTES_MAX, most);
  checkNumber('messageBytesMax', messageBytesMax, { least: 1, most, whole: true });
  return new LengthPrefixed(format, headerBytes, countedBytes, messageBytesMax);
}
