/** Clients on a simulated network, as streams: they are to a port what those of node:net are on a system. */

import { once } from 'node:events';
import { createServer } from 'node:net';
import { Duplex } from 'node:stream';
import type { SocketAddress } from 'overlapped';
import type { SimEndpoint, SimNetwork } from 'overlapped/sim';
import { WAIT_MS } from './harness.js';
import { errnoOfRefusal } from './node-client.js';
import { PeerClient, type PeerSocket } from './peer-client.js';
import type { Peers } from './peers.js';

const READ_BYTES_MAX = 65_536;

class SimPeerSocket extends Duplex implements PeerSocket {
  readonly #endpoint: SimEndpoint;
  #connected = false;
  #reset = false;
  #reading = false;
  #writing: { bytes: Buffer; done: (error?: Error) => void } | undefined;

  constructor(endpoint: SimEndpoint) {
    super({ allowHalfOpen: true });
    this.#endpoint = endpoint;
    endpoint.onChange = () => this.#changed();
  }

  get localPort(): number | undefined {
    const { localAddress } = this.#endpoint;
    return localAddress.family === 'unix' ? undefined : localAddress.port;
  }

  resetAndDestroy(): this {
    this.#reset = true;
    return this.destroy();
  }

  #changed(): void {
    const { state, code } = this.#endpoint;
    if (this.destroyed || state === 'connecting') {
      return;
    }
    if (state === 'failed') {
      const syscall = this.#connected ? 'read' : 'connect';
      this.destroy(Object.assign(new Error(`${syscall} ${code}`), { code, syscall }));
      return;
    }
    if (!this.#connected) {
      this.#connected = true;
      this.emit('connect');
    }
    this.#continueWriting();
    this.#continueReading();
  }

  override _read(): void {
    this.#reading = true;
    this.#continueReading();
  }

  #continueReading(): void {
    while (this.#reading && this.#endpoint.readable > 0) {
      this.#reading = this.push(this.#endpoint.read(READ_BYTES_MAX));
    }
    if (this.#reading && this.#endpoint.ended) {
      this.#reading = false;
      this.push(null);
    }
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#writing = { bytes, done };
    this.#continueWriting();
  }

  #continueWriting(): void {
    const writing = this.#writing;
    if (!this.#connected || writing === undefined) {
      return;
    }
    try {
      writing.bytes = writing.bytes.subarray(this.#endpoint.write(writing.bytes));
    } catch (error) {
      this.#writing = undefined;
      writing.done(error as Error);
      return;
    }
    if (writing.bytes.byteLength === 0) {
      this.#writing = undefined;
      writing.done();
    }
  }

  override _final(done: () => void): void {
    this.#endpoint.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#endpoint.close({ reset: this.#reset });
    done(error);
  }
}

function addressOf(where: number | string, host = '127.0.0.1'): SocketAddress {
  return typeof where === 'string'
    ? { family: 'unix', path: where }
    : { family: host.includes(':') ? 'ipv6' : 'ipv4', address: host, port: where };
}

/** A port of the system itself without a listener. */
async function refusingPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Peers on `network`. */
export function simPeers(network: SimNetwork): Peers {
  const open = (where: number | string, host?: string): PeerSocket =>
    new SimPeerSocket(network.connect(addressOf(where, host)));
  return {
    open,
    async connect(where, host) {
      const client = new PeerClient(open(where, host));
      await once(client.socket, 'connect', { signal: AbortSignal.timeout(WAIT_MS) });
      return client;
    },
    errnoOfRefusal: async () => errnoOfRefusal(await refusingPort()),
    hasPath: (path) => network.hasPath(path),
    bufferFactor: 1,
    descriptorsOpen: () => network.socketsOpen,
    sendByHand: () => {
      throw new Error('A simulated network has no urgent data');
    },
  };
}
