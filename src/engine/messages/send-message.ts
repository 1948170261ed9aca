/** Sending messages on a connection with a framing. */

import { isBytes } from '../../base/bytes.js';
import { invalid } from '../../framing/framing.js';
import type { Connection } from '../connection.js';
import { highWaterMark } from '../connection-core/room.js';
import type { Payload } from '../writing/payload.js';
import type { MessageRules } from './messages.js';

/** The bytes of a message. */
export function piecesOf(messages: MessageRules | undefined, message: unknown): readonly Payload[] {
  if (messages === undefined) {
    throw invalid('There is no framing: give listen or connect one');
  }
  const encoded = messages.framing.encode(message);
  return typeof encoded === 'string' || isBytes(encoded) ? [encoded] : encoded;
}

/** Sends a message: its pieces leave together. @returns what `write` of the last piece returned */
export function sendMessage(connection: Connection, message: unknown): boolean {
  let more = connection.queuedBytes <= highWaterMark(connection);
  for (const piece of piecesOf(connection.group.messages, message)) {
    more = connection.write(piece);
  }
  return more;
}
