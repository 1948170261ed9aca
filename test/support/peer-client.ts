/** A client at the other end of a connection under test, and the events that it has seen. */

import type { Duplex } from 'node:stream';
import { keepSocket } from './leftovers.js';
import { Received } from './received.js';

/** The part of node:net's Socket that tests use. */
export interface PeerSocket extends Duplex {
  readonly localPort?: number | undefined;
  /** Breaks the connection. */
  resetAndDestroy(): unknown;
}

export class PeerClient<S extends PeerSocket = PeerSocket> {
  readonly socket: S;
  readonly #received = new Received();
  ended = false;
  closed = false;
  code: string | undefined;

  constructor(socket: S) {
    this.socket = socket;
    keepSocket(socket);
    socket.on('data', (chunk: Buffer) => this.#received.add(chunk));
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.code = error.code;
    });
    socket.on('close', () => {
      this.closed = true;
    });
  }

  get bytes(): number {
    return this.#received.bytes;
  }

  get data(): Buffer {
    return this.#received.data;
  }
}
