/**
 * The driver `node`: completions on Node's own `net`, without foreign functions, so it runs wherever Node does. Node
 * reads and writes in its event loop; what it reports is queued, and the port takes it in its next turn. It cannot block
 * the thread until something comes: nothing would come while the event loop stands still.
 */

import { Buffer } from 'node:buffer';
import type { SocketAddress } from '../../base/address.js';
import { assert } from '../../base/assert.js';
import { systemClock } from '../../base/clock.js';
import type { BufferList, CompletionSink, Driver, DriverOptions, LoopWatch, OnReady, SendBytes } from '../driver.js';
import { absolutePath, canonical } from './addresses.js';
import { Completions } from './completions.js';
import { CONNECT, type Endpoint, type EndpointOwner, IDLE, SEND } from './endpoint.js';
import { EAFNOSUPPORT, ECANCELED, ECONNABORTED, ECONNRESET, EPIPE, nodeErrors, numberOfError } from './errors.js';
import type { NodeHandle, NodeStream } from './handles.js';
import { Reads } from './reads.js';
import { applyOptions, NodeSockets } from './sockets.js';
import { connectStream, destroyStream, makeStream, writeAll } from './streams.js';
import { Waker } from './wake.js';
import { NodeWatch } from './watch.js';

export interface NodeSystem {
  /** Whether pipes are Unix sockets. */
  readonly hasUnix: boolean;
  /** Whether the system may read the memory of a write that was given up: it is copied then. */
  readonly readsLate: boolean;
}

export class NodeDriver implements Driver, EndpointOwner {
  readonly name = 'node';
  readonly features: readonly string[] = [];
  readonly sockets: NodeSockets;
  readonly errors = nodeErrors;
  readonly clock = systemClock;
  readonly seesArrivals = false;
  readonly readsBetweenCalls = true;
  readonly needsViews = true;
  readonly cannotWait = "Node's sockets need its event loop; run the port in it, with start";
  readonly #system: NodeSystem;
  readonly #sends: SendBytes;
  readonly #completions = new Completions(() => this.#watch?.ready());
  readonly #reads: Reads;
  #wakeUps = 0;
  readonly #waker: Waker;
  #watch: NodeWatch | undefined;

  constructor(options: DriverOptions, system: NodeSystem) {
    this.#system = system;
    this.#sends = options.sends;
    this.sockets = new NodeSockets(system.hasUnix);
    this.sockets.ownedBy(this);
    this.#reads = new Reads(options.buffers, this.#completions, this.sockets);
    this.#waker = new Waker(() => {
      this.#wakeUps++;
      this.#watch?.ready();
    });
  }

  associate(socket: number): void {
    const endpoint = this.sockets.endpoint(socket, 'associate');
    if (endpoint.isAccepted && endpoint.stream === undefined) {
      applyOptions(makeStream(endpoint, this.#reads.landing), endpoint.options);
      this.sockets.learnAddresses(endpoint);
    }
  }

  forget(socket: number): void {
    const endpoint = this.sockets.endpoint(socket, 'forget');
    assert(endpoint.readKind === IDLE);
    assert(endpoint.writeKind === IDLE);
  }

  postAccept(slot: number, generation: number, socket: number): void {
    this.#reads.postAccept(this.sockets.endpoint(socket, 'accept'), slot, generation);
  }

  postReceive(slot: number, generation: number, socket: number, once: boolean): void {
    this.#reads.postReceive(this.sockets.endpoint(socket, 'receive'), slot, generation, once);
  }

  postConnect(slot: number, generation: number, socket: number, address: SocketAddress): void {
    const wanted = canonical(address);
    const endpoint = this.#startWrite(CONNECT, slot, generation, socket, 0);
    if (wanted.family !== endpoint.family) {
      this.#endWrite(endpoint, -EAFNOSUPPORT);
      return;
    }
    const stream = makeStream(endpoint, this.#reads.landing);
    applyOptions(stream, endpoint.options);
    if (wanted.family === 'unix') {
      endpoint.peer = wanted;
      connectStream(stream, { path: absolutePath(wanted.path) });
    } else {
      connectStream(stream, { host: wanted.address, port: wanted.port });
    }
  }

  postSend(slot: number, generation: number, socket: number, address: number, byteLength: number): void {
    const endpoint = this.#startWrite(SEND, slot, generation, socket, byteLength);
    const stream = this.#writable(endpoint);
    if (stream !== undefined) {
      const bytes = this.#sends.bytesOf(slot, address, byteLength);
      stream._write(this.#system.readsLate ? Buffer.from(bytes) : bytes, 'buffer', this.#onWrittenOf(endpoint));
    }
  }

  postSendGather(slot: number, generation: number, socket: number, { count, lengths, views }: BufferList): void {
    let byteLength = 0;
    for (let index = 0; index < count; index++) {
      byteLength += lengths[index] as number;
    }
    const endpoint = this.#startWrite(SEND, slot, generation, socket, byteLength);
    const stream = this.#writable(endpoint);
    if (stream !== undefined) {
      const pieces = (views as Uint8Array[]).slice(0, count);
      const written = this.#system.readsLate ? [Buffer.concat(pieces)] : pieces;
      writeAll(stream, written, this.#onWrittenOf(endpoint));
    }
  }

  #startWrite(kind: number, slot: number, generation: number, socket: number, byteLength: number): Endpoint {
    const endpoint = this.sockets.endpoint(socket, 'send');
    assert(endpoint.writeKind === IDLE);
    endpoint.writeKind = kind;
    endpoint.writeSlot = slot;
    endpoint.writeGeneration = generation;
    endpoint.writeBytes = byteLength;
    endpoint.bytesPosted += byteLength;
    return endpoint;
  }

  /** The stream of a send that was just posted; the send ends if there is nothing to write to. */
  #writable(endpoint: Endpoint): NodeStream | undefined {
    const { stream, error, isShut } = endpoint;
    if (stream !== undefined && error === 0 && !isShut && !stream.destroyed) {
      return stream;
    }
    this.#endWrite(endpoint, error === 0 ? -EPIPE : -error);
    return undefined;
  }

  #onWrittenOf(endpoint: Endpoint): (error?: NodeJS.ErrnoException | null) => void {
    endpoint.onWritten ??= (error) => this.written(endpoint, error);
    return endpoint.onWritten;
  }

  cancel(slot: number, _generation: number, socket: number): void {
    const endpoint = this.sockets.endpoint(socket, 'cancel');
    if (endpoint.readKind !== IDLE && endpoint.readSlot === slot) {
      this.#reads.cancel(endpoint);
    } else if (endpoint.writeKind !== IDLE && endpoint.writeSlot === slot) {
      this.#endWrite(endpoint, -ECANCELED);
      this.#giveUp(endpoint);
    }
  }

  /** Node has no way to stop a write or a connect but closing the connection. Its memory is not used after that. */
  #giveUp(endpoint: Endpoint): void {
    if (endpoint.stream !== undefined) {
      this.sockets.learnAddresses(endpoint);
      destroyStream(endpoint.stream, endpoint.resets);
    }
    this.failed(endpoint, ECONNABORTED);
  }

  accepted(listener: Endpoint, error: number, client: NodeHandle | undefined): void {
    this.#reads.accepted(listener, error, client);
  }

  connected(endpoint: Endpoint): void {
    if (endpoint.writeKind === CONNECT) {
      this.#endWrite(endpoint, 0);
    }
  }

  received(endpoint: Endpoint, byteLength: number): boolean {
    return this.#reads.received(endpoint, byteLength);
  }

  ended(endpoint: Endpoint): void {
    if (!endpoint.isShut && this.sockets.isBroken(endpoint.number)) {
      // A write has met the reset, and Linux reports it only once.
      this.failed(endpoint, ECONNRESET);
      return;
    }
    endpoint.isEnded = true;
    this.sockets.learnAddresses(endpoint);
    this.#reads.over(endpoint, 0);
  }

  failed(endpoint: Endpoint, errno: number): void {
    if (endpoint.error === 0) {
      endpoint.error = errno;
    }
    this.#reads.over(endpoint, -endpoint.error);
    if (endpoint.writeKind !== IDLE) {
      this.#endWrite(endpoint, -endpoint.error);
    }
  }

  written(endpoint: Endpoint, error: NodeJS.ErrnoException | null | undefined): void {
    if (endpoint.writeKind !== SEND) {
      return;
    }
    if (error == null) {
      this.#endWrite(endpoint, endpoint.stream?.destroyed === true ? -ECANCELED : endpoint.writeBytes);
      return;
    }
    const errno = numberOfError(error, EPIPE);
    this.#endWrite(endpoint, -errno);
    if (errno === ECONNRESET || errno === EPIPE) {
      // A reader must not take what follows for the end of a complete stream.
      endpoint.error = ECONNRESET;
    }
  }

  #endWrite(endpoint: Endpoint, result: number): void {
    endpoint.writeKind = IDLE;
    this.#completions.add(endpoint.writeSlot, endpoint.writeGeneration, result, false, -1);
  }

  giveBuffer(index: number): void {
    this.#reads.buffers.give(index);
  }

  get buffersFree(): number {
    return this.#reads.buffers.count;
  }

  /** Takes what Node has reported: it never waits. */
  poll(sink: CompletionSink, completionsMax: number): void {
    if (this.#reads.hasWork) {
      this.#reads.goOn();
    }
    if (this.#wakeUps > 0) {
      const count = this.#wakeUps;
      this.#wakeUps = 0;
      sink.wakeUp(count);
    }
    const completions = this.#completions;
    completions.deliver(sink, completionsMax);
    if (completions.length === 0) {
      this.#reads.round++;
    }
  }

  hasWork(): boolean {
    return this.#completions.length > 0 || this.#reads.hasWork || this.#wakeUps > 0;
  }

  get wakeDescriptor(): number {
    return this.#waker.descriptor;
  }

  watch(onReady: OnReady): LoopWatch {
    this.#watch = new NodeWatch(
      onReady,
      () => this.hasWork(),
      () => {
        this.#watch = undefined;
      },
    );
    return this.#watch;
  }

  close(): void {
    this.#waker.close();
  }
}
