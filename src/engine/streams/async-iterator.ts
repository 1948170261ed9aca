/** `for await (const chunk of connection)`. */

import { Buffer } from 'node:buffer';
import { destroy } from '../connection-core/linger.js';
import { pause, resume } from '../connection-core/receive.js';
import type { ConnectionRecord } from '../connection-core/record.js';
import { isFull, whenDrained } from '../connection-core/room.js';
import { FIN_REQUESTED, isClosed } from '../connection-core/state.js';
import { type ConnectionStream, READ_AHEAD_BYTES_MAX, Streaming } from './stream-adapter.js';

type Result = IteratorResult<Buffer, undefined>;

/** A call of `next` that waits. */
interface Waiting {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/** Memory of a chunk besides its bytes: a peer may send single bytes. */
const CHUNK_BYTES = 256;

const DONE: Result = { done: true, value: undefined };

export class ChunkIterator implements AsyncIterableIterator<Buffer>, ConnectionStream {
  readonly #streaming: Streaming;
  /** Received ahead of the loop. */
  #chunks: Buffer[] = [];
  /** Memory of the chunks. */
  #bytes = 0;
  /** Calls in order. While there are any, no chunk waits, or the connection is full. */
  readonly #waiting: Waiting[] = [];
  /** No chunk follows: the peer has ended, or the loop was left. */
  #ended = false;
  /** The error that the next call of `next` after the last chunk throws. */
  #error: Error | undefined;
  /** It waits for room in the connection's queue. */
  #awaitsRoom = false;

  constructor(connection: ConnectionRecord) {
    this.#streaming = new Streaming(connection, this);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer> {
    return this;
  }

  next(): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#serve();
    });
  }

  /** The loop was left, so nothing reads the connection any more: it is destroyed, as with Node's streams. */
  return(value?: unknown): Promise<Result> {
    this.#leave();
    return Promise.resolve({ done: true, value: value as undefined });
  }

  /** An error was thrown into a generator that delegates to this one: the loop is left, and the generator throws it. */
  throw(error?: unknown): Promise<Result> {
    this.#leave();
    return Promise.reject(error);
  }

  #leave(): void {
    this.#chunks = [];
    this.#hold(-this.#bytes);
    this.#error = undefined;
    this.#ended = true;
    destroy(this.#streaming.connection, undefined);
    this.#serve();
  }

  /**
   * Whether the loop must wait although there is a chunk for it. Nothing else slows down a loop that writes what it reads: it
   * would fill the connection's queue until the cap resets the connection.
   */
  #heldUp(): boolean {
    const { connection } = this.#streaming;
    return (connection.flags & FIN_REQUESTED) === 0 && !isClosed(connection) && isFull(connection);
  }

  /** Answers the calls that can be answered. */
  #serve(): void {
    while (this.#waiting.length > 0) {
      if (this.#chunks.length === 0 && this.#ended) {
        this.#finish(this.#waiting.shift() as Waiting);
      } else if (this.#heldUp()) {
        this.#awaitRoom();
        return;
      } else if (this.#chunks.length === 0) {
        resume(this.#streaming.connection);
        return;
      } else {
        const { resolve } = this.#waiting.shift() as Waiting;
        resolve({ done: false, value: this.#takeChunk() });
      }
    }
  }

  #takeChunk(): Buffer {
    const chunk = this.#chunks.shift() as Buffer;
    this.#hold(-(chunk.byteLength + CHUNK_BYTES));
    if (this.#bytes < READ_AHEAD_BYTES_MAX) {
      resume(this.#streaming.connection);
    }
    return chunk;
  }

  /** Everything was read. */
  #finish({ resolve, reject }: Waiting): void {
    const error = this.#error;
    this.#error = undefined;
    if (error === undefined) {
      this.#streaming.readToTheEnd();
      resolve(DONE);
    } else {
      reject(error);
    }
  }

  #awaitRoom(): void {
    if (!this.#awaitsRoom) {
      this.#awaitsRoom = true;
      whenDrained(this.#streaming.connection, () => {
        this.#awaitsRoom = false;
        this.#serve();
      });
    }
  }

  received(chunk: Buffer): void {
    if (this.#ended) {
      return;
    }
    this.#chunks.push(Buffer.from(chunk));
    this.#hold(chunk.byteLength + CHUNK_BYTES);
    this.#serve();
    if (this.#bytes >= READ_AHEAD_BYTES_MAX) {
      pause(this.#streaming.connection);
    }
  }

  #hold(byteLength: number): void {
    const { connection } = this.#streaming;
    this.#bytes += byteLength;
    connection.group.engine.held.change(connection, byteLength);
  }

  peerEnded(): void {
    this.#ended = true;
    this.#serve();
  }

  /**
   * Bytes that were received before are read first. After the peer's end the loop ends without an error, whatever happens
   * to our side.
   */
  connectionClosed(): void {
    if (!this.#ended) {
      this.#ended = true;
      this.#error = this.#streaming.whyClosed();
    }
    this.#serve();
  }
}
