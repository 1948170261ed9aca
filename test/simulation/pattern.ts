/**
 * The bytes of all streams: one long text of characters of one to four bytes, which each stream begins somewhere else.
 * Bytes that are lost, doubled, swapped, or another stream's, do not fit.
 */

import { Chance } from './chance.js';

/** The text repeats after this many bytes. A prime, so that no size of a buffer divides it. */
export const PERIOD_BYTES = 131_071;

const CHARACTERS = [
  'aåäöéñß',
  'Ωжщд',
  '世界网络',
  '🙂🚀🎈',
  '0123456789abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ',
];

const memory = makeMemory();

/** Twice the text, so that a part of it is always in one piece. */
function makeMemory(): Buffer {
  const chance = new Chance(0x5eed);
  let text = '';
  while (Buffer.byteLength(text) < PERIOD_BYTES - 1000) {
    let part = '';
    for (let count = 0; count < 200; count++) {
      const alphabet = [...(chance.rate(0.9) ? (CHARACTERS.at(-1) as string) : chance.pick(CHARACTERS))];
      part += chance.pick(alphabet);
    }
    text += part;
  }
  const bytes = Buffer.alloc(PERIOD_BYTES, 'z');
  bytes.set(Buffer.from(text).subarray(0, PERIOD_BYTES - 1000));
  // The last character may have been cut.
  bytes.fill('y', PERIOD_BYTES - 1004);
  for (let at = PERIOD_BYTES - 1004; startsInside(bytes, at); at--) {
    bytes[at - 1] = 120;
  }
  return Buffer.concat([bytes, bytes]);
}

/** Whether the character before `at` is incomplete. */
function startsInside(bytes: Buffer, at: number): boolean {
  return (bytes[at - 1] as number) >= 0x80;
}

/** Where a stream that begins at `start` of the text is in it. */
function placeOf(start: number, position: number): number {
  return (start + position) % PERIOD_BYTES;
}

/** Bytes of a stream, as a view that must not be changed. */
export function bytesAt(start: number, position: number, byteLength: number): Buffer {
  const place = placeOf(start, position);
  return memory.subarray(place, place + byteLength);
}

/** The same as text, shortened to whole characters; undefined if there is none. */
export function textAt(start: number, position: number, byteLength: number): string | undefined {
  const place = placeOf(start, position);
  let end = place + byteLength;
  while (end > place && isInside(end)) {
    end--;
  }
  return isInside(place) || end === place ? undefined : memory.toString('utf8', place, end);
}

function isInside(place: number): boolean {
  return ((memory[place] as number) & 0xc0) === 0x80;
}

/** The mistake in bytes that were received at a position of a stream; undefined if they are right. */
export function mismatch(start: number, position: number, bytes: Uint8Array): string | undefined {
  const expected = bytesAt(start, position, bytes.byteLength);
  if (expected.compare(bytes) === 0) {
    return undefined;
  }
  const index = expected.findIndex((byte, at) => byte !== bytes[at]);
  const found = Buffer.from(bytes.subarray(index, index + 16)).toString('hex');
  const wanted = expected.subarray(index, index + 16).toString('hex');
  return `byte ${position + index} of the stream and those behind it: found ${found}, wanted ${wanted}`;
}
