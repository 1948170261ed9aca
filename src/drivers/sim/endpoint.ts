/**
 * Ends of connections without a port: the peers of a test. They have no operations: a write takes as many bytes as
 * there is room for, and a read returns the bytes that have arrived.
 */

import { Buffer } from 'node:buffer';
import type { SocketAddress } from '../../base/address.js';
import { assert } from '../../base/assert.js';
import { Holder } from '../common/hold.js';
import { linuxErrors } from '../linux/errors.js';
import { EPIPE } from './kernel/errno.js';
import type { Kernel } from './kernel/kernel.js';
import type { SimSocket } from './kernel/socket.js';
import type { Loop } from './loop.js';

/** The state of a simulated connection's end. */
export type EndpointState = 'connecting' | 'connected' | 'failed' | 'closed';

/** Calls `onChange` from the event loop, once for several changes. */
class Changing extends Holder {
  /** Called from the event loop when any state may have changed. */
  onChange: (() => void) | undefined = undefined;
  #notified = true;

  protected constructor(loop: Loop, socket: SimSocket) {
    super(loop.hold);
    socket.changed = () => {
      if (this.#notified && socket.state !== 'closed') {
        this.#notified = false;
        loop.addTask(() => {
          this.#notified = true;
          if (socket.error !== 0) {
            // Nothing more can arrive.
            this.release();
          }
          this.onChange?.();
        });
      }
    };
  }
}

/** One end of a connection. */
export class SimEndpoint extends Changing {
  readonly #kernel: Kernel;
  readonly #socket: SimSocket;

  /** @internal */
  constructor(kernel: Kernel, loop: Loop, socket: SimSocket) {
    super(loop, socket);
    this.#kernel = kernel;
    this.#socket = socket;
  }

  /** Whether it is connecting, connected, has failed or is closed. */
  get state(): EndpointState {
    const { state, error } = this.#socket;
    return state === 'created' || (state === 'connected' && error !== 0) ? 'failed' : (state as EndpointState);
  }

  /**
   * Why connecting failed or the connection broke: `ECONNREFUSED`, `ECONNRESET`, …; undefined if neither has happened.
   */
  get code(): string | undefined {
    const { error } = this.#socket;
    return error === 0 ? undefined : linuxErrors.codeOf(error);
  }

  /** Number of bytes that can be read. */
  get readable(): number {
    return this.#socket.incoming.readable;
  }

  /** Whether all bytes are read and the peer has ended its side. */
  get ended(): boolean {
    return this.#socket.incoming.atEnd;
  }

  /** Number of bytes that `write` would take. */
  get writable(): number {
    return this.state === 'connected' && !this.#socket.sendEnded ? this.#socket.room : 0;
  }

  /** Its own address. */
  get localAddress(): SocketAddress {
    return this.#socket.local;
  }

  /** The peer's address; undefined before it is connected. */
  get remoteAddress(): SocketAddress | undefined {
    return this.#socket.remote;
  }

  /** Sends as many of the bytes as there is room for; returns how many. @throws OperationError `EPIPE`, `ECONNRESET` */
  write(bytes: Uint8Array): number {
    if (this.state !== 'connected' || this.#socket.sendEnded) {
      throw linuxErrors.create(this.#socket.error === 0 ? EPIPE : this.#socket.error, 'write');
    }
    const byteLength = Math.min(bytes.byteLength, this.#socket.room);
    if (byteLength > 0) {
      this.#kernel.transport.send(this.#socket, bytes.slice(0, byteLength));
      this.#kernel.settle();
    }
    return byteLength;
  }

  /** Reads the bytes that have arrived, at most `bytesMax`. */
  read(bytesMax = Infinity): Buffer {
    const bytes = Buffer.alloc(Math.min(this.readable, bytesMax));
    if (bytes.byteLength > 0) {
      this.#socket.incoming.readInto(bytes, 0, bytes.byteLength);
      this.#kernel.transport.wasRead(this.#socket);
      this.#kernel.settle();
    }
    return bytes;
  }

  /** Ends the sending side, after the written bytes. */
  end(): void {
    if (this.state === 'connected') {
      this.#kernel.transport.end(this.#socket);
      this.#kernel.settle();
    }
  }

  /**
   * Closes the endpoint. The peer sees a reset if bytes are unread or with `reset`, and otherwise the end of the
   * stream.
   */
  close(options: { readonly reset?: boolean } = {}): void {
    if (this.#socket.state !== 'closed') {
      this.#socket.options.resetOnClose = options.reset === true ? 1 : 0;
      this.#kernel.close(this.#socket);
      this.release();
      this.#kernel.settle();
    }
  }
}

/** A listening socket whose connections are endpoints. */
export class SimListener extends Changing {
  readonly #kernel: Kernel;
  readonly #loop: Loop;
  readonly #socket: SimSocket;

  /** @internal */
  constructor(kernel: Kernel, loop: Loop, socket: SimSocket) {
    super(loop, socket);
    this.#kernel = kernel;
    this.#loop = loop;
    this.#socket = socket;
  }

  /** The address that it listens on. */
  get localAddress(): SocketAddress {
    return this.#socket.local;
  }

  /** Accepts the connection that has waited longest; undefined if none waits. */
  accept(): SimEndpoint | undefined {
    assert(this.#socket.state === 'listening');
    const socket = this.#socket.backlog.shift();
    if (socket === undefined) {
      return undefined;
    }
    this.#kernel.connects.admit(this.#socket);
    this.#kernel.settle();
    return new SimEndpoint(this.#kernel, this.#loop, socket);
  }

  /** Stops listening. Connections that were not accepted are reset. */
  close(): void {
    if (this.#socket.state !== 'closed') {
      this.#kernel.close(this.#socket);
      this.release();
      this.#kernel.settle();
    }
  }
}
