/** The types that can be sent: bytes or text. */

import { Buffer } from 'node:buffer';
import { invalidType } from '../../base/argument-errors.js';
import { isBytes, ownView } from '../../base/bytes.js';

/** Data to send: bytes or text. */
export type Payload = Uint8Array | string;

/** UTF-8 bytes of one UTF-16 unit at the most. */
export const UTF8_BYTES_PER_UNIT_MAX = 3;

/**
 * Checks the argument of a write: anything else would be counted or sent wrongly; a Uint16Array, for example, has more bytes
 * than its length.
 * @throws TypeError `ERR_INVALID_ARG_TYPE`
 */
export function checkPayload(data: unknown): asserts data is Payload {
  if (typeof data !== 'string' && !isBytes(data)) {
    throw invalidType('data', 'bytes (Uint8Array) or text', data);
  }
}

/** Concatenates pieces in memory that is allocated for them. */
export function joinPieces(pieces: readonly Payload[], allocate: (byteLength: number) => Uint8Array): Uint8Array {
  pieces.forEach(checkPayload);
  const bytes = pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : ownView(piece)));
  const memory = allocate(bytes.reduce((total, piece) => total + piece.byteLength, 0));
  let offset = 0;
  for (const piece of bytes) {
    memory.set(piece, offset);
    offset += piece.byteLength;
  }
  return memory;
}
