/** The load on an echo server: messages on many connections, every byte that returns checked, every round trip timed. */

import type { Buffer } from 'node:buffer';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { performanceNow } from '../../base/runtime.js';
import { type Connection, connect, type Engine, type SocketAddress } from '../../index.js';
import { EXIT_FAILED, Failure } from '../failure.js';
import { endpointOf } from '../target.js';
import { EchoClient } from './echo-client.js';
import { connectFailure, connectionFailure, wrongData } from './load-failures.js';
import { fillRandom } from './random-bytes.js';
import { MessageStream, WrongByte } from './stream.js';

/** Connects in flight together: a listener's backlog is not to overflow, as the system then tries again only after a second. */
const CONNECTS_IN_FLIGHT = 128;

/** The load has its own limits: how much is in flight, and how long it may take. */
const NO_LIMITS = {
  limits: { highWaterMarkBytes: Infinity, queuedBytesMax: Infinity },
  timeouts: { writeStallMs: 0, connectMs: 0 },
} as const;

export interface LoadOptions {
  readonly address: SocketAddress;
  /** How messages name it. */
  readonly target: string;
  readonly connections: number;
  /** The index of its first connection: another thread has those before. */
  readonly firstIndex: number;
  readonly sizeBytes: number;
  /** Messages in flight on each connection. */
  readonly pipeline: number;
  /** Bytes of the engine's receive buffers. */
  readonly bufferSizeBytes: number;
}

/** A prime, so that a loss or repetition of whole messages or buffers (mostly powers of two) shifts the stream. */
const PERIOD_BYTES = 4093;
/** The place in the stream at which each connection begins after the one before, so that another connection's bytes show. */
const START_STEP_BYTES = 1009;

/** The stream, for chunks of up to `bufferSizeBytes`. */
function streamOf({ sizeBytes, bufferSizeBytes }: LoadOptions): MessageStream {
  const period = new Uint8Array(PERIOD_BYTES);
  fillRandom(period);
  return new MessageStream(sizeBytes, period, Math.max(sizeBytes, bufferSizeBytes));
}

/** The messages of the connection with this index. */
class Traffic extends EchoClient {
  readonly index: number;

  constructor(index: number, messages: MessageStream, pipeline: number) {
    super(messages, (index * START_STEP_BYTES) % PERIOD_BYTES, pipeline);
    this.index = index;
  }
}

type LoadConnection = Connection<Traffic>;

/** A load that runs, on one thread or on several. */
export interface LoadRun {
  readonly connected: number;
  readonly inFlight: number;
  readonly messages: number;
  readonly bytesChecked: number;
  readonly latency: RecordableHistogram;
  readonly failed: Promise<never>;
  connect(): Promise<void>;
  send(): void;
  measure(): void;
  finish(): Promise<void>;
  close(): void;
}

export class Load implements LoadRun {
  readonly #engine: Engine;
  readonly #options: LoadOptions;
  readonly #messages: MessageStream;
  readonly #connections: LoadConnection[] = [];
  /** Round trips while measuring, in ns. */
  readonly latency: RecordableHistogram = createHistogram();
  /** Messages that have returned, and bytes that were checked, in all. */
  messages = 0;
  bytesChecked = 0;
  #connectsBegun = 0;
  #inFlight = 0;
  #sending = false;
  #measuring = false;
  #finished = false;
  #whenReturned: () => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;
  /** Rejects when the load cannot go on; never resolves. */
  readonly failed: Promise<never>;

  constructor(engine: Engine, options: LoadOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#messages = streamOf(options);
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Whoever waits for something waits for this too; a failure between two waits is no unhandled one.
    this.failed.catch(() => undefined);
  }

  get connected(): number {
    return this.#connections.length;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Makes all connections. What fails is told by `failed`. */
  async connect(): Promise<void> {
    await Promise.all(Array.from({ length: CONNECTS_IN_FLIGHT }, () => this.#connectSome()));
  }

  /** One connection after the other, until enough were begun. */
  async #connectSome(): Promise<void> {
    const { address, connections, firstIndex, target, pipeline } = this.#options;
    while (this.#connectsBegun < connections && !this.#finished) {
      const context = new Traffic(firstIndex + this.#connectsBegun++, this.#messages, pipeline);
      try {
        const connection = await connect<Traffic>({
          engine: this.#engine,
          ...endpointOf(address),
          ...NO_LIMITS,
          context,
          data: (connection, chunk) => this.#received(connection, chunk),
          end: ({ context, bytesRead }) => this.#failWith(connectionFailure(context.index, bytesRead)),
          error: (connection, error) => this.#connectionFailed(connection, error),
        });
        this.#connections.push(connection);
      } catch (error) {
        this.#failWith(connectFailure(target, error));
      }
    }
  }

  /** Begins to send: from now on each message that returns is followed by another. */
  send(): void {
    this.#sending = true;
    const now = performanceNow();
    for (const connection of this.#connections) {
      for (let count = 0; count < this.#options.pipeline; count++) {
        this.#sendNext(connection, now);
      }
    }
  }

  /** Begins to record round trips. */
  measure(): void {
    this.#measuring = true;
  }

  /** Ends recording and sending; resolves when what was sent has returned. */
  finish(): Promise<void> {
    this.#measuring = false;
    this.#sending = false;
    return new Promise((resolve) => {
      this.#whenReturned = resolve;
      if (this.#inFlight === 0) {
        resolve();
      }
    });
  }

  /** From now on nothing is a failure: the engine closes. */
  close(): void {
    this.#finished = true;
  }

  /** Checks bytes, and counts them against the messages in flight. An error that it throws ends the connection and is emitted. */
  #received(connection: LoadConnection, chunk: Buffer): void {
    const traffic = connection.context;
    const complete = this.#take(connection, chunk);
    this.bytesChecked += chunk.byteLength;
    if (complete > traffic.inFlight || (complete === traffic.inFlight && traffic.partBytes > 0)) {
      throw new Failure(`too much data on connection ${traffic.index}: more came back than was sent`, EXIT_FAILED);
    }
    if (complete > 0) {
      this.#returned(connection, complete);
    }
  }

  #take({ context, bytesRead }: LoadConnection, chunk: Buffer): number {
    try {
      return context.take(chunk);
    } catch (error) {
      if (!(error instanceof WrongByte)) {
        throw error;
      }
      throw wrongData(context.index, bytesRead - chunk.byteLength + error.index, error.wanted, error.found);
    }
  }

  /** Messages are complete: each is followed by the next. */
  #returned(connection: LoadConnection, complete: number): void {
    const now = performanceNow();
    for (let count = 0; count < complete; count++) {
      const milliseconds = now - connection.context.answered();
      this.#inFlight--;
      this.messages++;
      if (this.#measuring) {
        this.latency.record(Math.max(1, Math.round(milliseconds * 1e6)));
      }
      if (this.#sending) {
        this.#sendNext(connection, now);
      }
    }
    if (this.#inFlight === 0) {
      this.#whenReturned();
    }
  }

  #sendNext(connection: LoadConnection, now: number): void {
    this.#inFlight++;
    connection.write(connection.context.send(1, now));
  }

  /** The system's error, or the one that checking the bytes has thrown. */
  #connectionFailed({ context, bytesRead }: LoadConnection, error: Error): void {
    const { code } = error as NodeJS.ErrnoException;
    this.#failWith(code === undefined ? error : connectionFailure(context.index, bytesRead, code));
  }

  #failWith(error: unknown): void {
    if (!this.#finished) {
      this.#finished = true;
      this.#fail(error);
    }
  }
}
