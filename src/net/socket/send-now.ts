/**
 * Large writes go to the system at once, as with node:net: most of the time it takes all of them, and then the program may
 * fill their memory again. Posting them would cost a turn of the event loop for each.
 */

import { Buffer } from 'node:buffer';
import { lengthOf, partOf } from '../../base/bytes.js';
import type { ConnectionRecord } from '../../engine/connection-core/record.js';
import { canSendNow, sendNow } from '../../engine/connection-core/send.js';
import { joinPieces, type Payload } from '../../engine/writing/payload.js';
import { COPY_BYTES_MAX } from '../../engine/writing/write-queue.js';

function isLarge(piece: Payload): boolean {
  return (typeof piece === 'string' ? piece.length : lengthOf(piece)) > COPY_BYTES_MAX;
}

/**
 * Sends pieces of which one is large, as far as the system takes them.
 * @returns what is left of them; all of them if none is large, or they cannot be sent now
 */
export function sendLargeNow(connection: ConnectionRecord, pieces: Payload[]): Payload[] {
  if (!canSendNow(connection) || !pieces.some(isLarge)) {
    return pieces;
  }
  const runs = runsOf(pieces);
  for (const [index, run] of runs.entries()) {
    const taken = sendNow(connection, run, index + 1 < runs.length);
    if (taken < lengthOf(run)) {
      const rest = partOf(run, taken, lengthOf(run) - taken);
      return [rest, ...runs.slice(index + 1)];
    }
  }
  return [];
}

/** Bytes to send one after the other: each large piece, and the small ones between two of them as one. */
function runsOf(pieces: readonly Payload[]): Uint8Array[] {
  const runs: Uint8Array[] = [];
  let small: Payload[] = [];
  const endRun = (): void => {
    const run = joinPieces(small, (byteLength) => Buffer.allocUnsafe(byteLength));
    small = [];
    if (run.length > 0) {
      runs.push(run);
    }
  };
  for (const piece of pieces) {
    if (isLarge(piece)) {
      endRun();
      runs.push(typeof piece === 'string' ? Buffer.from(piece) : piece);
    } else {
      small.push(piece);
    }
  }
  endRun();
  return runs;
}
