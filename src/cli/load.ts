/** The load on an echo server: messages on many connections, every byte that returns checked, every round trip timed. */

import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Completion, CompletionPort, OverlappedSocket, PoolBuffer, SocketAddress } from '../index.js';
import { EXIT_FAILED, explain, Failure, type Remedies } from './failure.js';
import { Pattern, PERIOD_BYTES } from './pattern.js';

/** Connects in flight together: a listener's backlog is not to overflow, as the system then tries again only after a second. */
const CONNECTS_IN_FLIGHT = 128;

export interface LoadOptions {
  readonly address: SocketAddress;
  /** How messages name it. */
  readonly target: string;
  readonly connections: number;
  readonly sizeBytes: number;
  /** Messages in flight on each connection. */
  readonly pipeline: number;
  /** Bytes of the port's receive buffers. */
  readonly bufferSizeBytes: number;
}

const CONNECT_REMEDIES: Remedies = {
  ECONNREFUSED: ['nothing listens there', 'start a server, such as overlapped echo'],
  ECONNRESET: ['the server reset the connection', 'see whether it takes that many --connections'],
  ENOENT: ['there is no such path', 'start a server, such as overlapped echo --path'],
  EAGAIN: ["the server's backlog is full", 'use fewer --connections'],
  EADDRNOTAVAIL: ['no local port is free', 'use fewer --connections, or wait a minute'],
  ETIMEDOUT: ['no answer came', 'check the address'],
  EHOSTUNREACH: ['no way leads to the host', 'check the address'],
  ENETUNREACH: ['no way leads to the network', 'check the address'],
  EMFILE: ['all descriptors of this process are in use', 'raise the limit (ulimit -n) or use fewer --connections'],
  ENAMETOOLONG: ["a Unix socket's path has at most 107 bytes", 'choose a shorter path'],
};

/** Why a connection cannot be made, in one line. */
export function connectFailure(target: string, error: unknown, exitCode: number): unknown {
  return explain(`cannot connect to ${target}`, error, CONNECT_REMEDIES, exitCode);
}

/** One connection: its socket's completion key. */
class LoadConnection {
  readonly index: number;
  /** Phase of the pattern at which the next message starts, and at which the next received byte is. */
  sendPhase: number;
  receivePhase: number;
  received = 0;
  /** Bytes that the oldest message in flight still misses. */
  missing: number;
  /** When each message in flight was posted, a ring. */
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

export class Load {
  readonly #port: CompletionPort;
  readonly #options: LoadOptions;
  readonly #pattern: Pattern;
  readonly #sockets: OverlappedSocket[] = [];
  /** Views of whole pool buffers: a buffer comes back many times. */
  readonly #views = new Map<PoolBuffer, Buffer>();
  /** Round trips while measuring, in ns. */
  readonly latency: RecordableHistogram = createHistogram();
  /** Messages that have returned, and bytes that were checked, in all. */
  messages = 0;
  bytesChecked = 0;
  #connected = 0;
  #inFlight = 0;
  #sending = false;
  #measuring = false;
  #finished = false;
  #whenConnected: () => void = () => undefined;
  #whenReturned: () => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;
  /** Rejects when the load cannot go on; never resolves. */
  readonly failed: Promise<never>;

  constructor(port: CompletionPort, options: LoadOptions) {
    this.#port = port;
    this.#options = options;
    this.#pattern = new Pattern(options.sizeBytes, options.bufferSizeBytes);
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Whoever waits for something waits for this too; a failure between two waits is no unhandled one.
    this.failed.catch(() => undefined);
    port.start((completion) => this.#handle(completion), { onError: (error) => this.#failWith(error) });
  }

  get connected(): number {
    return this.#connected;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Makes all connections. @throws OperationError when a socket cannot be made */
  connect(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenConnected = resolve;
      for (let count = 0; count < CONNECTS_IN_FLIGHT; count++) {
        this.#connectNext();
      }
    });
  }

  #connectNext(): void {
    const { address, connections, sizeBytes, pipeline } = this.#options;
    const index = this.#sockets.length;
    if (index === connections) {
      return;
    }
    const socket = this.#port.createSocket(address.family);
    this.#sockets.push(socket);
    if (address.family !== 'unix') {
      socket.setOption('noDelay', 1);
    }
    this.#port.associate(socket, new LoadConnection(index, sizeBytes, pipeline));
    this.#port.postConnect(socket, address);
  }

  /** Begins to send: from now on each message that returns is followed by another. */
  send(): void {
    this.#sending = true;
    const now = performance.now();
    for (const socket of this.#sockets) {
      for (let count = 0; count < this.#options.pipeline; count++) {
        this.#sendNext(socket, socket.key as LoadConnection, now);
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

  /** From now on nothing is a failure: the port closes. */
  close(): void {
    this.#finished = true;
  }

  #handle(completion: Completion): void {
    switch (completion.kind) {
      case 'receive':
        this.#received(completion);
        break;
      case 'send':
        if (completion.code !== undefined) {
          this.#connectionFailed(completion);
        }
        break;
      case 'connect':
        this.#connectEnded(completion);
    }
  }

  #connectEnded(completion: Completion): void {
    if (completion.code !== undefined) {
      this.#failWith(connectFailure(this.#options.target, completion.toError(), EXIT_FAILED));
      return;
    }
    this.#port.postReceive(completion.socket as OverlappedSocket);
    this.#connected++;
    this.#connectNext();
    if (this.#connected === this.#options.connections) {
      this.#whenConnected();
    }
  }

  #received(completion: Completion): void {
    const connection = completion.key as LoadConnection;
    const { buffer, bytes } = completion;
    if (buffer === undefined || bytes === 0) {
      this.#connectionFailed(completion);
      return;
    }
    this.#check(connection, buffer, bytes);
    this.#returned(completion.socket as OverlappedSocket, connection, bytes);
    if (!completion.more) {
      this.#port.postReceive(completion.socket as OverlappedSocket);
    }
  }

  #check(connection: LoadConnection, buffer: PoolBuffer, bytes: number): void {
    let view = this.#views.get(buffer);
    if (view === undefined) {
      view = buffer.view(buffer.sizeBytes);
      this.#views.set(buffer, view);
    }
    if (!this.#pattern.matches(view, bytes, connection.receivePhase)) {
      this.#mismatch(connection, view.subarray(0, bytes));
    }
    connection.receivePhase = (connection.receivePhase + bytes) % PERIOD_BYTES;
    connection.received += bytes;
    this.bytesChecked += bytes;
  }

  #mismatch(connection: LoadConnection, chunk: Buffer): never {
    const index = this.#pattern.firstDifference(chunk, connection.receivePhase);
    const position = connection.received + index;
    const expected = this.#pattern.byteAt(connection.receivePhase + index);
    throw new Failure(
      `wrong data on connection ${connection.index} at byte ${position}: expected ${expected}, got ${chunk[index]}; the server does not echo what it is sent`,
      EXIT_FAILED,
    );
  }

  /** Counts bytes against the messages in flight; one that is complete is followed by the next. */
  #returned(socket: OverlappedSocket, connection: LoadConnection, bytes: number): void {
    connection.missing -= bytes;
    if (connection.missing > 0 && connection.inFlight > 0) {
      return;
    }
    const now = performance.now();
    const { sizeBytes, pipeline } = this.#options;
    while (connection.missing <= 0 && connection.inFlight > 0) {
      connection.missing += sizeBytes;
      connection.inFlight--;
      this.#inFlight--;
      this.messages++;
      if (this.#measuring) {
        const milliseconds = now - (connection.sentAt[connection.oldest] as number);
        this.latency.record(Math.max(1, Math.round(milliseconds * 1e6)));
      }
      connection.oldest = connection.oldest + 1 === pipeline ? 0 : connection.oldest + 1;
      if (this.#sending) {
        this.#sendNext(socket, connection, now);
      }
    }
    if (connection.inFlight === 0 && connection.missing < sizeBytes) {
      throw new Failure(`too much data on connection ${connection.index}: more came back than was sent`, EXIT_FAILED);
    }
    if (this.#inFlight === 0) {
      this.#whenReturned();
    }
  }

  #sendNext(socket: OverlappedSocket, connection: LoadConnection, now: number): void {
    const { sizeBytes, pipeline } = this.#options;
    connection.sentAt[(connection.oldest + connection.inFlight) % pipeline] = now;
    connection.inFlight++;
    this.#inFlight++;
    this.#port.postSend(socket, this.#pattern.message(connection.sendPhase));
    connection.sendPhase = (connection.sendPhase + sizeBytes) % PERIOD_BYTES;
  }

  /** A receive that brought no data, or a send that failed. */
  #connectionFailed(completion: Completion): void {
    const { index, received } = completion.key as LoadConnection;
    const what =
      completion.code === undefined
        ? 'the server closed'
        : completion.code === 'ECONNRESET' || completion.code === 'EPIPE'
          ? 'the server reset'
          : 'cannot go on with';
    const code = completion.code === undefined ? '' : ` (${completion.code})`;
    this.#failWith(
      new Failure(
        `${what} connection ${index} after ${received} bytes${code}; see what the server says of it`,
        EXIT_FAILED,
      ),
    );
  }

  #failWith(error: unknown): void {
    if (!this.#finished) {
      this.#finished = true;
      this.#fail(error);
    }
  }
}
