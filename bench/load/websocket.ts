/** Messages of a WebSocket that come back (RFC 6455): the first exchange of a connection is its handshake. */

import { createHash } from 'node:crypto';
import { fillRandom } from '../../src/cli/bench/random-bytes.js';
import { MessageStream } from '../../src/cli/bench/stream.js';
import type { Exchange } from './exchange.js';

const KEY = Buffer.from('the nonce of all').toString('base64');
const ACCEPT = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const HANDSHAKE = Buffer.from(
  `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
);
const HEAD_END = '\r\n\r\n';

/** A whole message in binary, and its bit for a mask. */
const BINARY = 0x82;
const MASKED = 0x80;
/** A length above has its own bytes. */
const SIZE_MAX = 125;
const HEADER_BYTES = 2;
const MASK_BYTES = 4;
/** Different ones: a prime number, so that a lost or repeated message is detected. */
const MESSAGES = 13;
const PIECE_BYTES_MAX = 64 * 1024;

/** The frames of the same messages, as a client sends them and as a server does. */
export interface Frames {
  readonly sent: MessageStream;
  readonly received: MessageStream;
}

/** @param sizeBytes the bytes of a message, 1 to 125 */
export function framesOf(sizeBytes: number): Frames {
  if (sizeBytes > SIZE_MAX) {
    throw new Error(`Cannot make frames: found ${sizeBytes} bytes a message, wanted at most ${SIZE_MAX}`);
  }
  const payload = Buffer.alloc(MESSAGES * sizeBytes);
  fillRandom(payload);
  const mask = Buffer.from([0x1d, 0xc3, 0x5a, 0x97]);
  const sent: Buffer[] = [];
  const received: Buffer[] = [];
  for (let start = 0; start < payload.length; start += sizeBytes) {
    const message = payload.subarray(start, start + sizeBytes);
    const masked = message.map((byte, index) => byte ^ (mask[index % MASK_BYTES] as number));
    sent.push(Buffer.from([BINARY, MASKED | sizeBytes]), mask, Buffer.from(masked));
    received.push(Buffer.from([BINARY, sizeBytes]), message);
  }
  return {
    sent: new MessageStream(HEADER_BYTES + MASK_BYTES + sizeBytes, Buffer.concat(sent), PIECE_BYTES_MAX),
    received: new MessageStream(HEADER_BYTES + sizeBytes, Buffer.concat(received), PIECE_BYTES_MAX),
  };
}

export class WebSocketExchange implements Exchange {
  readonly #frames: Frames;
  /** The number of its next message. */
  #next: number;
  #isOpen = false;
  /** The beginning of the handshake's answer. */
  #head = '';
  #place: number;
  #missingBytes = 0;

  /** @param index of the connection: neighbours begin with different messages */
  constructor(frames: Frames, index: number) {
    this.#frames = frames;
    this.#next = index % MESSAGES;
    this.#place = this.#next * frames.received.sizeBytes;
  }

  request(): Buffer {
    if (!this.#isOpen) {
      return HANDSHAKE;
    }
    const { sent, received } = this.#frames;
    const message = sent.messages(this.#next * sent.sizeBytes, 1);
    this.#next = (this.#next + 1) % MESSAGES;
    this.#missingBytes = received.sizeBytes;
    return message;
  }

  take(data: Buffer): boolean {
    if (!this.#isOpen) {
      return this.#takeHandshake(data);
    }
    this.#place = this.#frames.received.passed(data, this.#place);
    this.#missingBytes -= data.length;
    if (this.#missingBytes < 0) {
      throw new Error(`Wrong length: found ${-this.#missingBytes} more bytes, wanted one message`);
    }
    return this.#missingBytes === 0;
  }

  #takeHandshake(data: Buffer): boolean {
    this.#head += data.toString('latin1');
    const isOpen = this.#head.endsWith(HEAD_END);
    if (isOpen && !(this.#head.startsWith('HTTP/1.1 101 ') && this.#head.includes(ACCEPT))) {
      throw new Error(`Wrong handshake: found ${JSON.stringify(this.#head)}, wanted status 101 and ${ACCEPT}`);
    }
    this.#isOpen = isOpen;
    return isOpen;
  }
}
