/** Connections: establishes them, delivers bytes and ends, and breaks them. */

import { assert } from '../../../base/assert.js';
import { TRACE } from '../trace.js';
import { seenBy } from './addresses.js';
import type { ByteStream } from './byte-stream.js';
import { ECONNRESET, EPIPE, ETIMEDOUT } from './errno.js';
import { SimSocket } from './socket.js';
import type { KernelState } from './state.js';

export class Transport {
  readonly #kernel: KernelState;

  constructor(kernel: KernelState) {
    this.#kernel = kernel;
  }

  /** Connects a client to a listener, in whose backlog the connection waits. */
  join(client: SimSocket, listener: SimSocket): void {
    const server = new SimSocket(listener.family, false);
    server.options = { ...listener.options };
    server.state = 'connected';
    client.state = 'connected';
    server.peer = client;
    client.peer = server;
    server.local = client.remote === undefined ? listener.local : seenBy(listener.family, client.remote);
    server.remote = seenBy(listener.family, client.local);
    listener.backlog.push(server);
    this.#kernel.readable(listener);
  }

  /** Sends bytes, which must not change any more. */
  send(socket: SimSocket, bytes: Uint8Array): void {
    const peer = socket.peer as SimSocket;
    peer.incoming.append(bytes);
    this.#deliver(peer.incoming, () => this.#arrive(peer, bytes.byteLength));
    if (this.#kernel.random.chance(this.#kernel.faults.resets)) {
      this.reset(socket);
      this.reset(peer);
    }
    this.#startTimeout(socket);
  }

  /** Calls `arrive` after the delay of the faults, and after all earlier deliveries in this direction. */
  #deliver(stream: ByteStream, arrive: () => void): void {
    const { time, random, faults, events } = this.#kernel;
    const delayMs = random.within(faults.deliveryDelayMs);
    if (delayMs === 0 && stream.inTransit === 0) {
      arrive();
      return;
    }
    stream.inTransit++;
    stream.lastArrivalAt = Math.max(stream.lastArrivalAt, time.now() + delayMs);
    events.add(stream.lastArrivalAt, () => {
      stream.inTransit--;
      arrive();
    });
  }

  #arrive(socket: SimSocket, byteLength: number): void {
    const { incoming } = socket;
    if (socket.state === 'closed') {
      // The socket is closed, so the sender sees a reset.
      this.reset(socket.peer as SimSocket);
      return;
    }
    if (socket.error !== 0) {
      return;
    }
    incoming.arrived += byteLength;
    assert(incoming.arrived <= incoming.written);
    this.#kernel.trace.add(TRACE.arrived, socket.number, byteLength, 0);
    this.#kernel.readable(socket);
    this.#kernel.writable(socket.peer as SimSocket);
  }

  /** Ends our sending side, after the sent bytes. */
  end(socket: SimSocket): void {
    const peer = socket.peer as SimSocket;
    if (peer.incoming.ended) {
      return;
    }
    peer.incoming.ended = true;
    this.#deliver(peer.incoming, () => {
      if (peer.error !== 0) {
        return;
      }
      peer.incoming.endArrived = true;
      this.#kernel.trace.add(TRACE.ended, peer.number, 0, 0);
      this.#kernel.readable(peer);
    });
  }

  /** Sends a reset to `socket`, after the bytes that were sent to it. */
  reset(socket: SimSocket): void {
    this.#deliver(socket.incoming, () => this.break(socket, ECONNRESET));
  }

  /** Breaks the connection at this end: unread bytes are lost, but an end that has been read remains. */
  break(socket: SimSocket, error: number): void {
    if (socket.state === 'closed' || socket.error !== 0) {
      return;
    }
    const { incoming } = socket;
    socket.error = error === ECONNRESET && incoming.atEnd ? EPIPE : error;
    incoming.endArrived = incoming.atEnd;
    incoming.discard();
    this.#kernel.trace.add(TRACE.reset, socket.number, error, 0);
    this.#kernel.readable(socket);
    this.#kernel.writable(socket);
  }

  /** Bytes were read, so there is room for more of the peer's. */
  wasRead(socket: SimSocket): void {
    this.#kernel.writable(socket.peer as SimSocket);
  }

  /** Ends both sides. */
  shutdownBoth(socket: SimSocket): void {
    this.end(socket);
    socket.receiveShut = true;
    this.#kernel.readable(socket);
  }

  /**
   * Closes our end: the peer sees a reset if bytes are unread or with `resetOnClose`, and otherwise the end of the
   * stream.
   */
  close(socket: SimSocket): void {
    const { peer, incoming, error, options } = socket;
    socket.state = 'closed';
    if (peer === undefined || error !== 0) {
      return;
    }
    if (options.resetOnClose === 1 || incoming.readable > 0) {
      this.reset(peer);
    } else {
      this.end(socket);
    }
  }

  /**
   * Starts the timer of `userTimeoutMs`, which runs until the peer has accepted all bytes and restarts with each
   * progress.
   */
  #startTimeout(socket: SimSocket): void {
    const { time, events } = this.#kernel;
    const { peer, options } = socket;
    if (options.userTimeoutMs === 0 || socket.timeoutRuns || peer === undefined || socket.error !== 0) {
      return;
    }
    const stream = peer.incoming;
    socket.acceptedBefore = stream.accepted(peer.options.receiveBufferBytes);
    if (socket.acceptedBefore === stream.written) {
      return;
    }
    socket.timeoutRuns = true;
    events.add(time.now() + options.userTimeoutMs, () => {
      socket.timeoutRuns = false;
      const accepted = stream.accepted(peer.options.receiveBufferBytes);
      if (accepted > socket.acceptedBefore || accepted === stream.written) {
        this.#startTimeout(socket);
      } else if (socket.state === 'connected' && socket.error === 0) {
        this.break(socket, ETIMEDOUT);
        this.reset(peer);
      }
    });
  }
}
