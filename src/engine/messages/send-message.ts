/** Sending messages on a connection with a framing. */

import { isBytes } from '../../base/bytes.js';
import { invalid } from '../../framing/framing.js';
import type { ConnectionRecord, MessageProtocol } from '../connection-core/record.js';
import { highWaterMark } from '../connection-core/room.js';
import { write } from '../connection-core/send.js';
import type { Payload } from '../writing/payload.js';

/** The bytes of a message. */
export function piecesOf(messages: MessageProtocol | undefined, message: unknown): readonly Payload[] {
  if (messages === undefined) {
    throw invalid('There is no framing: give listen or connect one');
  }
  const encoded = messages.framing.encode(message);
  return typeof encoded === 'string' || isBytes(encoded) ? [encoded] : encoded;
}

/** Sends a message: its pieces leave together. @returns what `write` of the last piece returned */
export function sendMessage(connection: ConnectionRecord, message: unknown): boolean {
  let more = connection.queuedBytes <= highWaterMark(connection);
  for (const piece of piecesOf(connection.group.messages, message)) {
    more = write(connection, piece);
  }
  return more;
}
