/** Whole numbers in headers: of 1, 2 or 4 bytes in either order, or as many as they need (LEB128, as Protocol Buffers have it). */

import type { Buffer } from 'node:buffer';
import { invalid } from './framing.js';

/** What `read` says when the bytes end before the number does. */
export const INCOMPLETE = -1;

/** A way to write whole numbers. */
export interface NumberFormat {
  /** The number at an offset, or INCOMPLETE. */
  read(bytes: Buffer, offset: number): number;
  /** Bytes that a number takes. */
  sizeOf(value: number): number;
  /** Writes a number; returns the offset behind it. */
  write(bytes: Buffer, value: number, offset: number): number;
  /** The largest number that can be written. */
  readonly most: number;
}

/** Bytes of a number in a header; `varint` is LEB128, of 1 to 5 bytes. */
export type NumberSize = 1 | 2 | 4 | 'varint';
/** The order of a number's bytes: `big` has the highest first. */
export type ByteOrder = 'big' | 'little';

/** A number of four bytes, the highest first. (Reading bytes here costs a third of what Buffer's readers do.) */
function word(highest: number, higher: number, lower: number, lowest: number): number {
  return highest * 0x100_0000 + ((higher << 16) | (lower << 8) | lowest);
}

const BYTE: NumberFormat = {
  read: (bytes, offset) => (offset < bytes.length ? (bytes[offset] as number) : INCOMPLETE),
  sizeOf: () => 1,
  write: (bytes, value, offset) => bytes.writeUInt8(value, offset),
  most: 0xff,
};

const BIG_16: NumberFormat = {
  read: (bytes, offset) =>
    offset + 2 <= bytes.length ? ((bytes[offset] as number) << 8) | (bytes[offset + 1] as number) : INCOMPLETE,
  sizeOf: () => 2,
  write: (bytes, value, offset) => bytes.writeUInt16BE(value, offset),
  most: 0xffff,
};

const LITTLE_16: NumberFormat = {
  read: (bytes, offset) =>
    offset + 2 <= bytes.length ? (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8) : INCOMPLETE,
  sizeOf: () => 2,
  write: (bytes, value, offset) => bytes.writeUInt16LE(value, offset),
  most: 0xffff,
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
};

/** Seven bits a byte, the lowest first; the high bit says that more follow. Five bytes hold 32 bits. */
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
};

/** One number has one spelling: otherwise two programs could see two different streams. */
function checkVarint(value: number, padded: boolean): number {
  if (padded || value > VARINT.most) {
    throw invalid(
      padded ? 'A variable-length number ends in zeros' : 'A variable-length number needs more than 32 bits',
    );
  }
  return value;
}

/** Bytes that the number at an offset takes; the number must be complete. */
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
