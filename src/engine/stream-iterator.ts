/** `for await (const chunk of connection)`. */

import { Buffer } from 'node:buffer';
import type { Connection } from './connection.js';
import { type ConnectionStream, READ_AHEAD_BYTES_MAX, Streaming } from './streaming.js';

type Result = IteratorResult<Buffer, undefined>;

/** A call of `next` that waits. */
interface Waiting {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

const DONE: Result = { done: true, value: undefined };

export class ChunkIterator implements AsyncIterableIterator<Buffer>, ConnectionStream {
  readonly #streaming: Streaming;
  /** Received ahead of the loop. */
  #chunks: Buffer[] = [];
  #bytes = 0;
  readonly #waiting: Waiting[] = [];
  /** Nothing more comes: the peer has ended, or the loop is over. */
  #ended = false;
  /** What the next call of `next` behind the last chunk throws. */
  #error: Error | undefined;

  constructor(connection: Connection) {
    this.#streaming = new Streaming(connection, this);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer> {
    return this;
  }

  next(): Promise<Result> {
    const value = this.#chunks.shift();
    if (value !== undefined) {
      this.#bytes -= value.byteLength;
      if (this.#bytes < READ_AHEAD_BYTES_MAX) {
        this.#streaming.connection.resume();
      }
      return Promise.resolve({ done: false, value });
    }
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) {
      this.#streaming.readToTheEnd();
      return Promise.resolve(DONE);
    }
    this.#streaming.connection.resume();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  /** The loop was left. Nobody reads any more, so the connection is of no use: Node's streams see it the same way. */
  return(): Promise<Result> {
    this.#chunks = [];
    this.#error = undefined;
    this.#end();
    this.#streaming.connection.destroy();
    return Promise.resolve(DONE);
  }

  received(chunk: Buffer): void {
    const value = Buffer.from(chunk);
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting.resolve({ done: false, value });
    } else if (!this.#ended) {
      this.#chunks.push(value);
      this.#bytes += value.byteLength;
      if (this.#bytes >= READ_AHEAD_BYTES_MAX) {
        this.#streaming.connection.pause();
      }
    }
  }

  peerEnded(): void {
    if (this.#waiting.length > 0) {
      this.#streaming.readToTheEnd();
    }
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    for (const { resolve } of this.#waiting.splice(0)) {
      resolve(DONE);
    }
  }

  /** What came before is read first. Behind the peer's end the loop ends well, whatever becomes of our own side. */
  connectionClosed(): void {
    if (this.#ended) {
      return;
    }
    const error = this.#streaming.whyClosed();
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      this.#error = error;
    } else {
      waiting.reject(error);
    }
    this.#end();
  }

  serverCloses(): void {
    this.#streaming.connection.end();
  }
}
