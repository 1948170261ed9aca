/** Integers in headers: of 1, 2 or 4 bytes in either byte order, or of variable size (LEB128, as in Protocol Buffers). */

import type { Buffer } from 'node:buffer';
import { invalid } from './framing.js';

/** `read` returns it when the bytes end before the number does. */
export const INCOMPLETE = -1;

/** A format of integers. */
export interface NumberFormat {
  /** The number at an offset, or INCOMPLETE. */
  read(bytes: Buffer, offset: number): number;
  /** The bytes of a number. */
  sizeOf(value: number): number;
  /** Writes a number; returns the offset after it. */
  write(bytes: Buffer, value: number, offset: number): number;
  /** The largest number that can be written. */
  readonly most: number;
  /** The fewest bytes of any number. */
  readonly leastBytes: number;
}

/** Bytes of a number in a header; `varint` is LEB128, of 1 to 5 bytes. */
export type NumberSize = 1 | 2 | 4 | 'varint';
/** The order of a number's bytes: `big` has the highest first. */
export type ByteOrder = 'big' | 'little';

/** A number of four bytes, the highest first. (This costs a third of the time of Buffer's own readers.) */
function word(highest: number, higher: number, lower: number, lowest: number): number {
  return highest * 0x100_0000 + ((higher << 16) | (lower << 8) | lowest);
}

const BYTE: NumberFormat = {
  read: (bytes, offset) => (offset < bytes.length ? (bytes[offset] as number) : INCOMPLETE),
  sizeOf: () => 1,
  write: (bytes, value, offset) => bytes.writeUInt8(value, offset),
  most: 0xff,
  leastBytes: 1,
};

const BIG_16: NumberFormat = {
  read: (bytes, offset) =>
    offset + 2 <= bytes.length ? ((bytes[offset] as number) << 8) | (bytes[offset + 1] as number) : INCOMPLETE,
  sizeOf: () => 2,
  write: (bytes, value, offset) => bytes.writeUInt16BE(value, offset),
  most: 0xffff,
  leastBytes: 2,
};

const LITTLE_16: NumberFormat = {
  read: (bytes, offset) =>
    offset + 2 <= bytes.length ? (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8) : INCOMPLETE,
  sizeOf: () => 2,
  write: (bytes, value, offset) => bytes.writeUInt16LE(value, offset),
  most: 0xffff,
  leastBytes: 2,
};

const BIG_32: NumberFormat = {
  read: (bytes, offset) =>
    offset + 4 <= bytes.length
      ? word(
          bytes[offset] as number,
          bytes[offset + 1] as number,
          bytes[offset + 2] as number,
          bytes[offset + 3] as number,
        )
      : INCOMPLETE,
  sizeOf: () => 4,
  write: (bytes, value, offset) => bytes.writeUInt32BE(value, offset),
  most: 0xffff_ffff,
  leastBytes: 4,
};

const LITTLE_32: NumberFormat = {
  read: (bytes, offset) =>
    offset + 4 <= bytes.length
      ? word(
          bytes[offset + 3] as number,
          bytes[offset + 2] as number,
          bytes[offset + 1] as number,
          bytes[offset] as number,
        )
      : INCOMPLETE,
  sizeOf: () => 4,
  write: (bytes, value, offset) => bytes.writeUInt32LE(value, offset),
  most: 0xffff_ffff,
  leastBytes: 4,
};

/** Seven bits per byte, the lowest first; a set high bit means that more bytes follow. 32 bits take up to five bytes. */
const VARINT_BYTES_MAX = 5;
const MORE = 0x80;
const BITS = 0x7f;
const STEP = 128;

const VARINT: NumberFormat = {
  read(bytes, offset) {
    let value = 0;
    let scale = 1;
    for (let index = 0; index < VARINT_BYTES_MAX; index++, scale *= STEP) {
      if (offset + index >= bytes.length) {
        return INCOMPLETE;
      }
      const byte = bytes[offset + index] as number;
      value += (byte & BITS) * scale;
      if (byte < MORE) {
        return checkVarint(value, index > 0 && byte === 0);
      }
    }
    throw invalid(`A variable-length number has more than ${VARINT_BYTES_MAX} bytes`);
  },
  sizeOf(value) {
    let size = 1;
    for (let left = value; left >= STEP; left = Math.floor(left / STEP)) {
      size++;
    }
    return size;
  },
  write(bytes, value, offset) {
    let at = offset;
    let left = value;
    for (; left >= STEP; left = Math.floor(left / STEP)) {
      bytes[at++] = (left % STEP) | MORE;
    }
    bytes[at++] = left;
    return at;
  },
  most: 0xffff_ffff,
  leastBytes: 1,
};

/** A number has only one valid encoding: otherwise two programs could read two different streams. */
function checkVarint(value: number, padded: boolean): number {
  if (padded || value > VARINT.most) {
    throw invalid(
      padded ? 'A variable-length number ends in zeros' : 'A variable-length number needs more than 32 bits',
    );
  }
  return value;
}

/** The bytes of the number at an offset, which must be complete. */
export function takenBy(format: NumberFormat, bytes: Buffer, offset: number): number {
  if (format !== VARINT) {
    return format.sizeOf(0);
  }
  let size = 1;
  while ((bytes[offset + size - 1] as number) >= MORE) {
    size++;
  }
  return size;
}

export function numberFormat(size: NumberSize, order: ByteOrder): NumberFormat {
  switch (size) {
    case 1:
      return BYTE;
    case 2:
      return order === 'big' ? BIG_16 : LITTLE_16;
    case 4:
      return order === 'big' ? BIG_32 : LITTLE_32;
    case 'varint':
      return VARINT;
  }
}
