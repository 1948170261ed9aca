/** The bytes that go over a connection, known from their place in the stream alone: each that comes back is compared. */

import { fillRandom } from '../../src/cli/bench/random-bytes.js';
import { MessageStream, Stream } from '../../src/cli/bench/stream.js';
import { LENGTH_BYTES } from '../servers/roles.js';

/** The longest piece that is sent or received at once. */
export const PIECE_BYTES_MAX = 256 * 1024;

/** A few, and a prime: a message that is lost, repeated or of another connection is detected. */
const MESSAGES = 13;

/** Fewer, so that they stay in the processor's cache. */
const FRAMED_MESSAGES = 3;

/** A stream of messages of one size, each different from the one before. */
export function messageStream(sizeBytes: number): MessageStream {
  const period = Buffer.alloc(MESSAGES * sizeBytes);
  fillRandom(period);
  for (let start = 0; start < period.length && sizeBytes > LENGTH_BYTES; start += sizeBytes) {
    period.writeUInt32BE(sizeBytes - LENGTH_BYTES, start);
  }
  return new MessageStream(sizeBytes, period, Math.max(PIECE_BYTES_MAX, sizeBytes));
}

/** The place at which a connection's stream begins: neighbours begin with different messages. */
export function startOf(messages: MessageStream, connection: number): number {
  return (connection % MESSAGES) * messages.sizeBytes;
}

export const MIB = 1024 * 1024;

/** The bytes for a server that answers each whole MiB with its last byte. With this period each answer is a new byte. */
export function inwardStream(): Stream {
  const period = new Uint8Array(251 * 1021);
  fillRandom(period);
  return new Stream(period, PIECE_BYTES_MAX);
}

/** A message of 1 MiB with its length. */
export const FRAMED_BYTES = LENGTH_BYTES + MIB;

/** The bytes for a server that answers each message with its last byte: a few messages, each different from the one before. */
export function framedStream(): Stream {
  const period = new Uint8Array(FRAMED_MESSAGES * FRAMED_BYTES);
  fillRandom(period);
  const view = new DataView(period.buffer);
  for (let start = 0; start < period.length; start += FRAMED_BYTES) {
    view.setUint32(start, MIB);
  }
  return new Stream(period, FRAMED_BYTES);
}

/** The bytes of a server that sends without end: the block that all servers repeat. */
export function outwardStream(): Stream {
  return new Stream(
    Uint8Array.from({ length: 65536 }, (_, index) => index * 7 + (index >> 8)),
    PIECE_BYTES_MAX,
  );
}
