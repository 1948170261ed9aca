/** A connection as a stream of Node: `connection.toDuplex()`. */

import { Buffer } from 'node:buffer';
import { Duplex } from 'node:stream';
import type { Connection } from './connection.js';
import { type ConnectionStream, READ_AHEAD_BYTES_MAX, Streaming } from './streaming.js';

type Done = (error?: Error | null) => void;

/** What Node gives to `_writev`. */
interface WriteRequest {
  readonly chunk: Uint8Array | string;
  readonly encoding: BufferEncoding;
}

/** Text in UTF-8 is written as it is, without a Buffer for each piece. */
function dataOf({ chunk, encoding }: WriteRequest): Uint8Array | string {
  return typeof chunk !== 'string' || encoding === 'utf8' ? chunk : Buffer.from(chunk, encoding);
}

export class ConnectionDuplex extends Duplex implements ConnectionStream {
  readonly #streaming: Streaming;
  #over = false;
  #whenOver: (() => void) | undefined;

  constructor(connection: Connection) {
    const { allowHalfOpen, crowdedHighWaterMarkBytes } = connection.group.limits;
    super({
      allowHalfOpen,
      decodeStrings: false,
      readableHighWaterMark: READ_AHEAD_BYTES_MAX,
      writableHighWaterMark: crowdedHighWaterMarkBytes,
    });
    this.#streaming = new Streaming(connection, this);
  }

  override _read(): void {
    this.#streaming.connection.resume();
  }

  received(chunk: Buffer): void {
    if (!this.push(Buffer.from(chunk))) {
      this.#streaming.connection.pause();
    }
  }

  peerEnded(): void {
    this.push(null);
    // When nothing is left to be read, the end shows though nobody reads.
    this.read(0);
  }

  override _write(chunk: Uint8Array | string, encoding: BufferEncoding, done: Done): void {
    this.#streaming.write([dataOf({ chunk, encoding })], done);
  }

  /** What gathered while a write was under way leaves together. */
  override _writev(requests: WriteRequest[], done: Done): void {
    this.#streaming.write(requests.map(dataOf), done);
  }

  override _final(done: Done): void {
    this.#streaming.finish(done);
  }

  /** Destroys the connection, unless it is over already; the stream is closed when the connection is. */
  override _destroy(error: Error | null, done: Done): void {
    if (this.#over) {
      done(error);
    } else {
      this.#whenOver = () => done(error);
      this.#streaming.connection.destroy(error ?? undefined);
    }
  }

  connectionClosed(error: Error | undefined, finished: boolean): void {
    this.#over = true;
    if (this.#whenOver !== undefined) {
      this.#whenOver();
    } else if (!finished) {
      // A connection that was closed without an error is to a stream of Node one that was destroyed.
      this.destroy(error);
    } else if (!this.writableEnded) {
      // Our side was ended at the connection itself. What is left to be read still is: the stream closes behind it.
      this.end();
    }
  }

  serverCloses(): void {
    this.end();
  }
}
