/** The roles of a server of the suite, and what the programs of all contenders share. */

import { renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The roles, in the words of the servers' command lines. */
export const ROLES = [
  /** Received bytes are sent back. */
  'echo',
  /** Received bytes are counted; each whole MiB is answered with its last byte. */
  'sink',
  /** Received bytes are messages after their length; each is gathered into memory of its own, counted, and answered with its last byte. */
  'framed',
  /** Each connection is sent the block, again and again, as fast as it takes it. */
  'source',
  /** Each new connection is welcomed with one byte; each message that any sends is sent to all, by itself. */
  'broadcast',
  /** Each connection is joined to a connection of its own to the echo server behind, whose port is the last argument. */
  'proxy',
] as const;

export type Role = (typeof ROLES)[number];

export const HOST = '127.0.0.1';

/** The same for all servers that can set it. */
export const BACKLOG = 4096;

export const WELCOME = '!';

/** Bytes of a length in front of each message that is echoed, for servers that frame. To the others they are bytes like all. */
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

/** Tells the suite where the server listens. */
export function sayPort(port: number): void {
  console.log(port);
}

/** A reader of the bytes that malloc has given out (mallinfo2(3), glibc 2.33). */
async function mallocReader(): Promise<() => number> {
  const { default: koffi } = await import('koffi');
  const fields = 'arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost'.split(' ');
  koffi.struct('mallinfo2', Object.fromEntries(fields.map((field) => [field, 'size_t'])));
  const mallinfo2 = koffi.load(null).func('mallinfo2 mallinfo2()');
  return () => {
    const { uordblks, hblkhd } = mallinfo2();
    return Number(uordblks) + Number(hblkhd);
  };
}

/**
 * Where the suite asks for it, by the name of a file: SIGUSR2 collects all garbage, and what is left is in use, in V8's
 * heap and in the C library's, which has buffers too. The file appears with all of its content.
 */
export async function collectWhenAsked(): Promise<void> {
  const file = process.env.IN_USE_FILE;
  if (file === undefined) {
    return;
  }
  const allocated = await mallocReader();
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  process.on('SIGUSR2', () => {
    gc();
    writeFileSync(`${file}.part`, String(process.memoryUsage().heapUsed + allocated()));
    renameSync(`${file}.part`, file);
  });
}
