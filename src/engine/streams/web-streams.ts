/** A connection as web streams: `connection.toWeb()`. */

import type { Buffer } from 'node:buffer';
import type {
  ReadableByteStreamController,
  ReadableStream,
  ReadableStreamBYOBRequest,
  WritableStream,
  WritableStreamDefaultController,
} from 'node:stream/web';
import { isError } from '../../base/errors.js';
import { process } from '../../base/runtime.js';
import { pause, resume } from '../connection-core/receive.js';
import type { ConnectionRecord } from '../connection-core/record.js';
import { type ConnectionStream, READ_AHEAD_BYTES_MAX, READ_AHEAD_PIECES_MAX, Streaming } from './stream-adapter.js';

/** The types of Node 20 lack the signal, which exists. */
type WritingController = WritableStreamDefaultController & { readonly signal: AbortSignal };

/** The two sides of a connection as web streams. */
export interface WebStreams {
  /** The received bytes, as a byte stream: they can be read into your own buffers. `cancel` destroys the connection. */
  readonly readable: ReadableStream<Uint8Array>;
  /** The bytes to send. `close` ends our side; `abort` resets the connection. */
  readonly writable: WritableStream<Uint8Array | string>;
}

/** An `AbortError`, also the reason of an abort without one, is a wish and not a failure. */
function failureOf(reason: unknown): Error | undefined {
  return isError(reason) && reason.name !== 'AbortError' ? reason : undefined;
}

export class WebConnection implements ConnectionStream, WebStreams {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array | string>;
  readonly #streaming: Streaming;
  #reading: ReadableByteStreamController | undefined;
  #writing: WritableStreamDefaultController | undefined;
  /** Pieces that wait to be read, at the most. */
  #pieces = 0;
  #ended = false;

  constructor(connection: ConnectionRecord) {
    this.#streaming = new Streaming(connection, this);
    // Loaded now, as it takes longer than most of this package, and few programs need it.
    const web = process.getBuiltinModule('node:stream/web');
    this.readable = new web.ReadableStream(
      {
        type: 'bytes',
        start: (controller) => {
          this.#reading = controller;
        },
        pull: () => this.#pull(),
        cancel: (reason) => {
          this.#ended = true;
          this.#streaming.destroy(failureOf(reason));
        },
      },
      { highWaterMark: READ_AHEAD_BYTES_MAX },
    );
    this.writable = new web.WritableStream<Uint8Array | string>(
      {
        start: (controller) => {
          this.#writing = controller;
          // A sink's own `abort` would wait for the write or the close that is under way.
          const { signal } = controller as WritingController;
          signal.addEventListener('abort', () => this.#streaming.abort(failureOf(signal.reason)));
        },
        write: (chunk) => this.#settled((done) => this.#streaming.write(chunk, done)),
        close: () => this.#settled((done) => this.#streaming.finish(done)),
      },
      { highWaterMark: connection.group.limits.pressureHighWaterMarkBytes, size: (chunk) => chunk?.length ?? 1 },
    );
  }

  /** A promise of what calls back. */
  #settled(start: (done: (error?: Error) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      start((error) => {
        if (error === undefined) {
          resolve();
        } else {
          reject(error);
        }
      });
    });
  }

  received(chunk: Buffer): void {
    const controller = this.#reading;
    if (controller === undefined || this.#ended) {
      return;
    }
    // The stream transfers what it is given: memory of its own, not a piece of Node's pool.
    controller.enqueue(new Uint8Array(chunk));
    const desiredSize = controller.desiredSize ?? 0;
    this.#pieces = desiredSize === READ_AHEAD_BYTES_MAX ? 0 : this.#pieces + 1;
    if (desiredSize <= 0 || this.#pieces >= READ_AHEAD_PIECES_MAX) {
      pause(this.#streaming.connection);
    }
  }

  /** It is called while few bytes wait, however many pieces they are: of many the reader must have read all first. */
  #pull(): void {
    if (this.#reading?.desiredSize === READ_AHEAD_BYTES_MAX) {
      this.#pieces = 0;
    }
    if (this.#pieces < READ_AHEAD_PIECES_MAX) {
      resume(this.#streaming.connection);
    }
  }

  peerEnded(): void {
    if (!this.#ended) {
      this.#ended = true;
      this.#reading?.close();
      // A read into a buffer of the reader's own waits for this.
      (this.#reading?.byobRequest as ReadableStreamBYOBRequest | null | undefined)?.respond(0);
    }
  }

  connectionClosed(_error: Error | undefined, finished: boolean): void {
    if (finished) {
      return;
    }
    const error = this.#streaming.whyClosed();
    if (!this.#ended) {
      this.#ended = true;
      this.#reading?.error(error);
    }
    this.#writing?.error(error);
  }
}
