/** The load on an echo server: messages on many connections, every byte that returns checked, every round trip timed. */

import type { Buffer } from 'node:buffer';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { performanceNow } from '../../base/runtime.js';
import { type Connection, connect, type Engine, type SocketAddress } from '../../index.js';
import { EXIT_FAILED, Failure } from '../failure.js';
import { endpointOf } from '../target.js';
import { connectFailure, connectionFailure, wrongData } from './load-failures.js';
import { Pattern, PERIOD_BYTES } from './pattern.js';

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

/** What the load keeps of a connection. */
class Traffic {
  readonly index: number;
  /** Phase of the pattern at which the next message starts, and at which the next received byte is. */
  sendPhase: number;
  receivePhase: number;
  /** Bytes that the oldest message in flight still misses. */
  missing: number;
  /** When each message in flight was written, a ring. */
  readonly sentAt: Float64Array;
  oldest = 0;
  inFlight = 0;

  constructor(index: number, sizeBytes: number, pipeline: number) {
    this.index = index;
    // Each connection begins elsewhere in the pattern, so that bytes of another one show.
    this.sendPhase = (index * 1009) % PERIOD_BYTES;
    this.receivePhase = this.sendPhase;
    this.missing = sizeBytes;
    this.sentAt = new Float64Array(pipeline);
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
  readonly #pattern: Pattern;
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
    this.#pattern = new Pattern(options.sizeBytes, options.bufferSizeBytes);
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
    const { address, connections, firstIndex, target, sizeBytes, pipeline } = this.#options;
    while (this.#connectsBegun < connections && !this.#finished) {
      const context = new Traffic(firstIndex + this.#connectsBegun++, sizeBytes, pipeline);
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

  /** Checks bytes, and counts them against the messages in flight. What it throws ends the connection, and `error` is told. */
  #received(connection: LoadConnection, chunk: Buffer): void {
    const traffic = connection.context;
    if (!this.#pattern.matches(chunk, chunk.byteLength, traffic.receivePhase)) {
      throw this.#wrongData(connection, chunk);
    }
    traffic.receivePhase = (traffic.receivePhase + chunk.byteLength) % PERIOD_BYTES;
    this.bytesChecked += chunk.byteLength;
    traffic.missing -= chunk.byteLength;
    if (traffic.missing <= 0 || traffic.inFlight === 0) {
      this.#returned(connection, traffic);
    }
  }

  #wrongData({ context, bytesRead }: LoadConnection, chunk: Buffer): Failure {
    const index = this.#pattern.firstDifference(chunk, context.receivePhase);
    const position = bytesRead - chunk.byteLength + index;
    return wrongData(
      context.index,
      position,
      this.#pattern.byteAt(context.receivePhase + index),
      chunk[index] as number,
    );
  }

  /** Messages are complete: each is followed by the next. */
  #returned(connection: LoadConnection, traffic: Traffic): void {
    const now = performanceNow();
    const { sizeBytes, pipeline } = this.#options;
    while (traffic.missing <= 0 && traffic.inFlight > 0) {
      traffic.missing += sizeBytes;
      traffic.inFlight--;
      this.#inFlight--;
      this.messages++;
      if (this.#measuring) {
        const milliseconds = now - (traffic.sentAt[traffic.oldest] as number);
        this.latency.record(Math.max(1, Math.round(milliseconds * 1e6)));
      }
      traffic.oldest = traffic.oldest + 1 === pipeline ? 0 : traffic.oldest + 1;
      if (this.#sending) {
        this.#sendNext(connection, now);
      }
    }
    if (traffic.inFlight === 0 && traffic.missing < sizeBytes) {
      throw new Failure(`too much data on connection ${traffic.index}: more came back than was sent`, EXIT_FAILED);
    }
    if (this.#inFlight === 0) {
      this.#whenReturned();
    }
  }

  #sendNext(connection: LoadConnection, now: number): void {
    const traffic = connection.context;
    const { sizeBytes, pipeline } = this.#options;
    traffic.sentAt[(traffic.oldest + traffic.inFlight) % pipeline] = now;
    traffic.inFlight++;
    this.#inFlight++;
    connection.write(this.#pattern.message(traffic.sendPhase));
    traffic.sendPhase = (traffic.sendPhase + sizeBytes) % PERIOD_BYTES;
  }

  /** What the system says, or what checking the bytes has thrown. */
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
