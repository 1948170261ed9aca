/** A connection as a stream of Node: `connection.toDuplex()`. */

import { Buffer } from 'node:buffer';
import { Duplex, type Readable } from 'node:stream';
import { pause, resume } from '../connection-core/receive.js';
import type { ConnectionRecord } from '../connection-core/record.js';
import type { Payload } from '../writing/payload.js';
import { type ConnectionStream, READ_AHEAD_BYTES_MAX, READ_AHEAD_PIECES_MAX, Streaming } from './stream-adapter.js';

type Done = (error?: Error | null) => void;

/** An element of the argument of `_writev`. */
interface WriteRequest {
  readonly chunk: Uint8Array | string;
  readonly encoding: BufferEncoding;
}

/** The property that Node's documentation of DEP0003 names for looking at writes that wait in a stream. */
interface WaitingWrites {
  readonly _writableState?: { getBuffer?(): readonly WriteRequest[] };
}

/** Text in UTF-8 is written as it is, without a Buffer for each piece. */
function dataOf({ chunk, encoding }: WriteRequest): Payload {
  return typeof chunk !== 'string' || encoding === 'utf8' ? chunk : Buffer.from(chunk, encoding);
}

export class ConnectionDuplex extends Duplex implements ConnectionStream {
  readonly #streaming: Streaming;
  readonly #endsWithPeer: boolean;
  /** Sources that are piped into it and have not ended. */
  readonly #sources = new Set<Readable>();
  /** Pieces that wait to be read, at the most. */
  #pieces = 0;
  #over = false;
  #whenOver: (() => void) | undefined;

  constructor(connection: ConnectionRecord) {
    const { allowHalfOpen, pressureHighWaterMarkBytes } = connection.group.limits;
    super({
      allowHalfOpen,
      decodeStrings: false,
      readableHighWaterMark: READ_AHEAD_BYTES_MAX,
      writableHighWaterMark: pressureHighWaterMarkBytes,
    });
    this.#streaming = new Streaming(connection, this);
    this.#endsWithPeer = !allowHalfOpen;
    this.on('pipe', (source: Readable) => this.#piped(source));
    this.on('unpipe', (source: Readable) => this.#unpiped(source));
  }

  /**
   * Without `allowHalfOpen` Node ends the writing side once the peer's end was read. A source may still have data then, such
   * as a transform that waited for room: our side ends after the source, as ending before would cut its data off.
   */
  #piped(source: Readable): void {
    this.#sources.add(source);
    this.allowHalfOpen = true;
  }

  #unpiped(source: Readable): void {
    this.#sources.delete(source);
    if (this.#sources.size === 0 && this.#endsWithPeer) {
      this.allowHalfOpen = false;
      if (this.readableEnded && !this.destroyed) {
        this.end();
      }
    }
  }

  override _read(): void {
    if (this.#pieces < READ_AHEAD_PIECES_MAX) {
      resume(this.#streaming.connection);
    }
  }

  /** Node asks for more while few bytes wait, however many pieces they are: then the reader must have read them first. */
  override read(size?: number): unknown {
    const bytes: unknown = super.read(size);
    const wantsMore = this.readableLength === 0 || (bytes === null && size !== 0);
    if (this.#pieces > 0 && wantsMore) {
      const held = this.#pieces >= READ_AHEAD_PIECES_MAX;
      this.#pieces = 0;
      if (held) {
        resume(this.#streaming.connection);
      }
    }
    return bytes;
  }

  received(chunk: Buffer): void {
    const more = this.push(Buffer.from(chunk));
    if (this.readableLength > 0) {
      this.#pieces++;
    }
    if (!more || this.#pieces >= READ_AHEAD_PIECES_MAX) {
      pause(this.#streaming.connection);
    }
  }

  peerEnded(): void {
    this.push(null);
    // If nothing is left to be read, `end` is emitted although nothing reads.
    this.read(0);
  }

  override _write(chunk: Uint8Array | string, encoding: BufferEncoding, done: Done): void {
    this.#streaming.write([dataOf({ chunk, encoding })], done);
  }

  /** Writes that gathered while another was under way leave together. */
  override _writev(requests: WriteRequest[], done: Done): void {
    this.#streaming.write(requests.map(dataOf), done);
  }

  override _final(done: Done): void {
    this.#streaming.finish(done);
  }

  /**
   * Destroys the connection, unless it is closed already; the stream closes when the connection does. With a socket of
   * node:net the system has what was written before, as far as it had room: here it is sent in the linger time.
   */
  override _destroy(error: Error | null, done: Done): void {
    if (this.#over) {
      done(error);
      return;
    }
    this.#whenOver = () => done(error);
    if (this.#isCut(error)) {
      this.#streaming.truncate();
    }
    this.#streaming.destroy(error ?? undefined, this.#waiting());
  }

  /** Whether an error breaks off a stream that was to go on: a pipeline that failed, a write that came after our end. */
  #isCut(error: Error | null): boolean {
    if (error === null) {
      return false;
    }
    const late = (error as NodeJS.ErrnoException).code === 'ERR_STREAM_WRITE_AFTER_END';
    return this.#sources.size > 0 || (late && this.#endsWithPeer && this.readableEnded);
  }

  /**
   * Writes that wait in the stream, in copies: Node calls the callbacks of such writes at once, with an error, and
   * then the program may use the memory again. Bytes that exceed the connection's queue are dropped, and the stream truncated.
   */
  #waiting(): Payload[] {
    const requests = (this as unknown as WaitingWrites)._writableState?.getBuffer?.() ?? [];
    let bytesLeft = this.#streaming.connection.group.limits.queuedBytesMax;
    const copies: Payload[] = [];
    for (const request of requests) {
      const data = dataOf(request);
      bytesLeft -= data.length;
      if (bytesLeft < 0) {
        this.#streaming.truncate();
        break;
      }
      copies.push(typeof data === 'string' ? data : Buffer.from(data));
    }
    return copies;
  }

  connectionClosed(error: Error | undefined, finished: boolean): void {
    this.#over = true;
    if (this.#whenOver !== undefined) {
      this.#whenOver();
    } else if (!finished) {
      // A connection that was closed without an error is to a stream of Node one that was destroyed.
      this.destroy(error);
    } else if (!this.writableEnded) {
      // Our side was ended at the connection itself. What is left to be read still is: the stream closes after it.
      this.end();
    }
  }
}
