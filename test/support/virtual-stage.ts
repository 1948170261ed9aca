/** Two engines on a simulated network with virtual time, for tests of timeouts and of rare orders of events. */

import {
  type Connection,
  type ConnectOptions,
  connect,
  Engine,
  type ListenOptions,
  listen,
  type Server,
} from 'overlapped';
import { SimNetwork, type SimNetworkOptions } from 'overlapped/sim';

const HOST = '127.0.0.1';
const POOL = { bufferCount: 8, bufferSizeBytes: 4096, poisonReleasedBuffers: true } as const;

/** A network on virtual time with two engines: the bytes that one of them lends are not the other's. */
export class VirtualStage {
  readonly network: SimNetwork;
  readonly #near: Engine;
  readonly #far: Engine;

  constructor(options: SimNetworkOptions = {}) {
    this.network = new SimNetwork(options);
    this.#near = new Engine({ driver: this.network, ...POOL });
    this.#far = new Engine({ driver: this.network, ...POOL });
  }

  listen(options: Partial<ListenOptions>): Promise<Server> {
    return listen({ host: HOST, port: 0, engine: this.#near, ...options });
  }

  connect(server: Server, options: Partial<ConnectOptions> = {}): Promise<Connection> {
    const { address } = server;
    return this.connectTo(address.family === 'unix' ? 0 : address.port, options);
  }

  connectTo(port: number, options: Partial<ConnectOptions> = {}): Promise<Connection> {
    return connect({ host: HOST, port, engine: this.#far, ...options });
  }

  /** Closes the engine of the servers, `near`, or that of the clients. */
  closeEngine(which: 'near' | 'far'): void {
    (which === 'near' ? this.#near : this.#far).close();
  }

  /** Resolves after this time on the network's clock. */
  pass(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.network.clock.setTimer(resolve, delayMs);
    });
  }

  /** Runs the action in a timer of the network: from outside, it could run after the clock's next jump. */
  soon(action: () => void): void {
    this.network.clock.setTimer(action, 1);
  }

  close(): void {
    this.#near.close();
    this.#far.close();
  }
}

export async function onVirtualStage(
  options: SimNetworkOptions,
  action: (stage: VirtualStage) => Promise<void>,
): Promise<void> {
  const stage = new VirtualStage(options);
  try {
    await action(stage);
  } finally {
    stage.close();
  }
}
