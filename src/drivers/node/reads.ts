/** The reading side of endpoints: accepts and receives. */

import { Buffer } from 'node:buffer';
import { assert } from '../../base/assert.js';
import { FreeBuffers } from '../common/free-buffers.js';
import type { ReceiveBuffers } from '../driver.js';
import type { Completions } from './completions.js';
import { ACCEPT, type Endpoint, IDLE, RECEIVE } from './endpoint.js';
import { ECANCELED, ENOBUFS, ENOTCONN } from './errors.js';
import type { NodeHandle } from './handles.js';
import { closeHandle, type NodeSockets } from './sockets.js';

export class Reads {
  readonly buffers: FreeBuffers;
  /** Node reads into it, and a receive copies from it into a receive buffer. */
  readonly landing: Buffer;
  readonly #completions: Completions;
  readonly #sockets: NodeSockets;
  /** Endpoints whose read can go on without Node. */
  #ready: Endpoint[] = [];
  /** Counts the times that all completions were delivered. */
  round = 0;

  constructor(buffers: ReceiveBuffers, completions: Completions, sockets: NodeSockets) {
    this.buffers = new FreeBuffers(buffers);
    this.landing = Buffer.allocUnsafeSlow(buffers.sizeBytes);
    this.#completions = completions;
    this.#sockets = sockets;
  }

  get hasWork(): boolean {
    return this.#ready.length > 0;
  }

  postAccept(listener: Endpoint, slot: number, generation: number): void {
    start(listener, ACCEPT, slot, generation);
    if (listener.waiting !== undefined) {
      this.#ready.push(listener);
    }
  }

  postReceive(endpoint: Endpoint, slot: number, generation: number, once: boolean): void {
    start(endpoint, RECEIVE, slot, generation);
    endpoint.once = once;
    if (endpoint.stash !== undefined || endpoint.isEnded || endpoint.error !== 0) {
      this.#ready.push(endpoint);
    } else if (!endpoint.isReading) {
      endpoint.isReading = true;
      endpoint.stream?.read(0);
    }
  }

  cancel(endpoint: Endpoint): void {
    this.#end(endpoint, -ECANCELED);
    if (endpoint.isReading) {
      endpoint.isReading = false;
      endpoint.stream?.pause();
    }
  }

  accepted(listener: Endpoint, error: number, client: NodeHandle | undefined): void {
    if (error !== 0 || client === undefined) {
      if (listener.readKind === ACCEPT) {
        this.#end(listener, error);
      }
      return;
    }
    client.unref();
    if (listener.readKind === ACCEPT && listener.waiting === undefined) {
      this.#completeAccept(listener, client);
      return;
    }
    listener.waiting ??= [];
    if (listener.waiting.length < listener.backlog) {
      listener.waiting.push(client);
    } else {
      closeHandle(client, true);
    }
  }

  #completeAccept(listener: Endpoint, client: NodeHandle): void {
    const { number } = this.#sockets.addAccepted(listener, client);
    this.#completions.add(listener.readSlot, listener.readGeneration, number, true, -1);
  }

  received(endpoint: Endpoint, byteLength: number): boolean {
    const { landing } = this;
    if (endpoint.readKind !== RECEIVE || this.buffers.count === 0) {
      endpoint.stash = Buffer.from(landing.subarray(0, byteLength));
      endpoint.isReading = false;
      if (endpoint.readKind === RECEIVE) {
        this.#end(endpoint, -ENOBUFS);
      }
      return false;
    }
    // A second chunk before the first was delivered ends the receive: the program may pause before a third comes.
    const more = !endpoint.once && endpoint.chunkRound !== this.round;
    endpoint.chunkRound = this.round;
    this.#deliver(endpoint, landing, byteLength, more);
    endpoint.isReading = more;
    return more;
  }

  /** Completes a receive with the first bytes of `source`. A buffer is free. */
  #deliver(endpoint: Endpoint, source: Buffer, byteLength: number, more: boolean): void {
    const { buffers } = this;
    source.copy(buffers.memory, buffers.nextOffset(), 0, byteLength);
    const buffer = buffers.take();
    if (!more) {
      endpoint.readKind = IDLE;
    }
    this.#completions.add(endpoint.readSlot, endpoint.readGeneration, byteLength, more, buffer);
  }

  /** The connection has ended, or failed: the receive in flight ends with it, unless bytes from before are left. */
  over(endpoint: Endpoint, result: number): void {
    endpoint.isReading = false;
    if (endpoint.readKind === RECEIVE && endpoint.stash === undefined) {
      this.#end(endpoint, result);
    }
  }

  #end(endpoint: Endpoint, result: number): void {
    endpoint.readKind = IDLE;
    this.#completions.add(endpoint.readSlot, endpoint.readGeneration, result, false, -1);
  }

  /** Completes the reads that need nothing of Node. */
  goOn(): void {
    const ready = this.#ready;
    this.#ready = [];
    for (const endpoint of ready) {
      if (endpoint.readKind === ACCEPT) {
        const { waiting } = endpoint;
        endpoint.waiting = undefined;
        for (const client of waiting ?? []) {
          this.#completeAccept(endpoint, client);
        }
      } else if (endpoint.readKind === RECEIVE) {
        this.#goOnReceiving(endpoint);
      }
    }
  }

  #goOnReceiving(endpoint: Endpoint): void {
    const { stash } = endpoint;
    if (stash === undefined) {
      this.#end(endpoint, endpoint.error !== 0 ? -endpoint.error : endpoint.isEnded ? 0 : -ENOTCONN);
    } else if (this.buffers.count === 0) {
      this.#end(endpoint, -ENOBUFS);
    } else {
      endpoint.stash = undefined;
      this.#deliver(endpoint, stash, stash.byteLength, false);
    }
  }
}

function start(endpoint: Endpoint, kind: number, slot: number, generation: number): void {
  assert(endpoint.readKind === IDLE);
  endpoint.readKind = kind;
  endpoint.readSlot = slot;
  endpoint.readGeneration = generation;
}
