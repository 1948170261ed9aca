/** The roles of a server of the suite, and what the servers of all contenders share. */

import { readFileSync } from 'node:fs';

/** The roles, in the words of the servers' command lines. */
export const ROLES = [
  /** Received bytes are sent back. */
  'echo',
  /** Received bytes are counted; each whole MiB is answered with its last byte. */
  'sink',
  /** Received bytes are messages after their length. Each is gathered into memory of its own and answered with its last byte. */
  'framed',
  /** Each connection is sent the block, again and again, as fast as it takes it. */
  'source',
  /** Each new connection is welcomed with one byte. Each message that any connection sends is sent to all, by itself. */
  'broadcast',
  /** Each connection is joined to a connection of its own to the backend, an echo server whose port is the last argument. */
  'proxy',
] as const;

export type Role = (typeof ROLES)[number];

/** The same over TLS 1.3: the role, and this before it. Certificate and key are files that `TLS_FILES` names. */
const TLS = 'tls-';

export const TLS_ROLES = ['tls-echo', 'tls-sink', 'tls-source'] as const;

export type TlsRole = (typeof TLS_ROLES)[number];

/** The files of a server's certificate and key, in variables of its environment. */
export const TLS_FILES = { cert: 'TLS_CERT_FILE', key: 'TLS_KEY_FILE' } as const;

/** A role, and whether it is over TLS. */
export function roleOf(word: string): { readonly role: Role; readonly isTls: boolean } {
  const isTls = word.startsWith(TLS);
  return { role: (isTls ? word.slice(TLS.length) : word) as Role, isTls };
}

/** The certificate and the key that the suite has made for this server, in PEM. */
export function tlsFiles(): { readonly cert: Buffer; readonly key: Buffer } {
  const read = (name: string): Buffer => readFileSync(process.env[name] ?? '');
  return { cert: read(TLS_FILES.cert), key: read(TLS_FILES.key) };
}

/** Programs of users that run unchanged on several runtimes, by their names in `programs`. */
export const PROGRAMS = [
  'http-hello',
  'http-json',
  'http-idle',
  'express',
  'fastify',
  'ws-echo',
  'redis-client',
  'https-hello',
] as const;

export type Program = (typeof PROGRAMS)[number];

/** A part that a contender's program plays. */
export type Part = Role | TlsRole | Program;

export const isProgram = (part: Part): part is Program => (PROGRAMS as readonly string[]).includes(part);

export const HOST = '127.0.0.1';

/** The same for all servers that can set it. */
export const BACKLOG = 4096;

export const WELCOME = '!';

/** Bytes of the length before each message that is echoed, for servers that frame. The others echo them like all bytes. */
export const LENGTH_BYTES = 4;

/** Bytes of a message of the broadcast. */
export const MESSAGE_BYTES = 100;

/** The messages of a chunk, the last one with what there is of it. */
export function* messagesOf(chunk: Buffer): Generator<Buffer, undefined> {
  for (let place = 0; place < chunk.length; place += MESSAGE_BYTES) {
    yield chunk.subarray(place, place + MESSAGE_BYTES);
  }
}

const MIB = 1024 * 1024;

/** The block of a source, 64 KiB. */
export const BLOCK = Buffer.from(Uint8Array.from({ length: 65536 }, (_, index) => index * 7 + (index >> 8)));

/** The bytes that a sink has received on one connection. */
export class Taken {
  #bytes = 0;

  /** The answer to a chunk of less than one MiB: the byte that makes a MiB whole, if one does. */
  answer(chunk: Buffer): Buffer | undefined {
    const missing = MIB - (this.#bytes % MIB);
    this.#bytes += chunk.length;
    return chunk.length >= missing ? Buffer.from(chunk.subarray(missing - 1, missing)) : undefined;
  }
}

/** Gathers the messages of one connection, each into memory of its own, as servers without a framing do. */
export class Gatherer {
  messages = 0;
  readonly #length = Buffer.alloc(LENGTH_BYTES);
  #lengthBytes = 0;
  #message: Buffer | undefined;
  #messageBytes = 0;

  /** Takes a chunk, and calls `whole` with each message that it completes. */
  take(chunk: Buffer, whole: (message: Buffer) => void): void {
    let place = 0;
    while (place < chunk.length) {
      if (this.#message === undefined) {
        const taken = chunk.copy(this.#length, this.#lengthBytes, place);
        place += taken;
        this.#lengthBytes += taken;
        if (this.#lengthBytes === LENGTH_BYTES) {
          this.#message = Buffer.allocUnsafe(this.#length.readUInt32BE());
          this.#lengthBytes = 0;
          this.#messageBytes = 0;
        }
        continue;
      }
      const taken = chunk.copy(this.#message, this.#messageBytes, place);
      place += taken;
      this.#messageBytes += taken;
      if (this.#messageBytes === this.#message.length) {
        const message = this.#message;
        this.#message = undefined;
        this.messages++;
        whole(message);
      }
    }
  }
}

/** Reports the server's port to the suite. */
export function sayPort(port: number): void {
  console.log(port);
}
