/**
 * Reads the ClientHello that a client begins with (RFC 8446, section 4.1.2): a server chooses its certificate by the name
 * in it before OpenSSL sees the bytes. OpenSSL judges what is wrong with it; here it only must do no harm.
 */

import { Buffer } from 'node:buffer';
import { RECORD_HANDSHAKE, RECORD_HEADER_BYTES, RECORD_LENGTH_OFFSET, RECORD_PLAIN_BYTES_MAX } from './records.js';

export interface ClientHello {
  /** The host name that the client asks for; undefined if it names none. */
  readonly servername: string | undefined;
  /** The protocols that it offers: each character is a byte. */
  readonly alpnProtocols: readonly string[];
}

const CLIENT_HELLO = 1;
const MESSAGE_HEADER_BYTES = 4;
/** A larger ClientHello is not read: OpenSSL refuses it (CLIENT_HELLO_MAX_LENGTH of ssl/statem/statem_local.h). */
const HELLO_BYTES_MAX = 131_396;

/** Clients send it in one record, or in two. One that uses more than this many gets the certificate of the default. */
const RECORDS_MAX = 16;

const VERSION_AND_RANDOM_BYTES = 34;

const EXTENSION_SERVER_NAME = 0;
const EXTENSION_ALPN = 16;
const NAME_TYPE_HOST = 0;

/** A name of DNS has at most 255 characters. */
const SERVERNAME = /^[\w.-]{1,255}$/;

/** Thrown by the reader at the end of the bytes. */
const CUT = Symbol('cut');

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** An unsigned number of one to three bytes. */
  number(byteLength: number): number {
    return this.bytes(byteLength).readUIntBE(0, byteLength);
  }

  bytes(byteLength: number): Buffer {
    if (byteLength > this.left) {
      throw CUT;
    }
    this.#at += byteLength;
    return this.#bytes.subarray(this.#at - byteLength, this.#at);
  }

  /** Bytes after their length, which has one or two bytes. */
  vector(lengthBytes: number): Reader {
    return new Reader(this.bytes(this.number(lengthBytes)));
  }

  text(): string {
    return this.#bytes.toString('latin1');
  }
}

/** The bytes of the first handshake message, joined from its records; whether more must come; undefined if it is none. */
function firstMessage(bytes: Buffer): Buffer | 'incomplete' | undefined {
  const parts: Buffer[] = [];
  let total = 0;
  for (let at = 0; at < bytes.length && parts.length < RECORDS_MAX; ) {
    if (bytes[at] !== RECORD_HANDSHAKE) {
      return undefined;
    }
    if (at + RECORD_HEADER_BYTES > bytes.length) {
      return 'incomplete';
    }
    const length = bytes.readUInt16BE(at + RECORD_LENGTH_OFFSET);
    if (length === 0 || length > RECORD_PLAIN_BYTES_MAX) {
      return undefined;
    }
    at += RECORD_HEADER_BYTES;
    parts.push(bytes.subarray(at, at + length));
    total += Math.min(length, bytes.length - at);
    at += length;
    if (total > MESSAGE_HEADER_BYTES + HELLO_BYTES_MAX) {
      break;
    }
  }
  if (total < MESSAGE_HEADER_BYTES) {
    return parts.length < RECORDS_MAX ? 'incomplete' : undefined;
  }
  const message = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  const wanted = message.readUIntBE(1, MESSAGE_HEADER_BYTES - 1);
  if (message[0] !== CLIENT_HELLO || wanted > HELLO_BYTES_MAX) {
    return undefined;
  }
  if (message.length >= MESSAGE_HEADER_BYTES + wanted) {
    return message.subarray(MESSAGE_HEADER_BYTES, MESSAGE_HEADER_BYTES + wanted);
  }
  return parts.length < RECORDS_MAX ? 'incomplete' : undefined;
}

function readExtensions(hello: Reader): ClientHello {
  let servername: string | undefined;
  const alpnProtocols: string[] = [];
  const extensions = hello.left > 0 ? hello.vector(2) : hello;
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const data = extensions.vector(2);
    if (type === EXTENSION_SERVER_NAME && data.left > 0) {
      const names = data.vector(2);
      if (names.left > 0 && names.number(1) === NAME_TYPE_HOST) {
        const name = names.vector(2).text();
        servername = SERVERNAME.test(name) ? name : undefined;
      }
    } else if (type === EXTENSION_ALPN && data.left > 0) {
      const names = data.vector(2);
      while (names.left > 0) {
        alpnProtocols.push(names.vector(1).text());
      }
    }
  }
  return { servername, alpnProtocols };
}

/**
 * Reads the first bytes of a client.
 * @returns `incomplete` if more must come; undefined if they are no ClientHello: OpenSSL will refuse them
 */
export function readClientHello(bytes: Buffer): ClientHello | 'incomplete' | undefined {
  const message = firstMessage(bytes);
  if (message === undefined || message === 'incomplete') {
    return message;
  }
  try {
    const hello = new Reader(message);
    hello.bytes(VERSION_AND_RANDOM_BYTES);
    hello.vector(1);
    hello.vector(2);
    hello.vector(1);
    return readExtensions(hello);
  } catch (error) {
    if (error !== CUT) {
      throw error;
    }
    return undefined;
  }
}
