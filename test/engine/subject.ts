/**
 * The subject of the engine's suite: a driver, and for each test a stage: an engine with its servers and connections,
 * and their history.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Connection,
  type ConnectOptions,
  connect,
  type DriverName,
  Engine,
  type EngineOptions,
  type Handlers,
  type ListenOptions,
  listen,
  type Server,
} from 'overlapped';
import type { SimNetwork } from 'overlapped/sim';
import type { Capabilities } from '../contract/subject.js';
import { eventually, someBytes } from '../support/harness.js';
import { closeLeftovers } from '../support/leftovers.js';
import { PeerClient } from '../support/peer-client.js';
import type { Peers } from '../support/peers.js';
import { lackBehind, lackOf, type SystemCapabilities, system } from '../support/system.js';
import { History } from './history.js';

const MIB = 1024 * 1024;

export interface EngineSubject {
  readonly driver: DriverName;
  readonly options: EngineOptions;
  readonly capabilities: Capabilities;
  readonly peers: Peers;
  /** The network of a simulated driver. */
  readonly network: SimNetwork | undefined;
}

/** Whose events are recorded: those of a server's connections, or of one client connection. */
type Recorded = Handlers & { readonly history?: History };

/** The port number of a server. */
export function portOf<Context>(server: Server<Context>): number {
  const { address } = server;
  assert(address.family !== 'unix');
  return address.port;
}

export class Stage {
  readonly subject: EngineSubject;
  readonly engine: Engine;
  /** Events of all connections. */
  readonly history = new History();
  /** The calls of the engine's own error sink. */
  readonly thrown: unknown[] = [];
  /** The names of the handlers that threw it. */
  readonly failedHandlers: string[] = [];
  readonly #peers: PeerClient[] = [];

  constructor(subject: EngineSubject, options: EngineOptions) {
    this.subject = subject;
    this.engine = new Engine({
      onHandlerError: (error, { handler }) => {
        this.thrown.push(error);
        this.failedHandlers.push(handler);
      },
      poisonReleasedBuffers: true,
      bufferCount: 256,
      ...subject.options,
      ...options,
    });
  }

  /** A server on the loopback interface by default. */
  listen<Context = unknown>(options: ListenOptions<Context>): Promise<Server<Context>> {
    const where = options.path === undefined ? { host: '127.0.0.1', port: 0 } : {};
    const handlers = this.history.recorded(options as Recorded as Handlers);
    return listen({ engine: this.engine, ...where, ...options, ...(handlers as object) });
  }

  connect<Context = unknown>(options: ConnectOptions<Context>): Promise<Connection<Context>> {
    const where = options.path === undefined ? { host: '127.0.0.1' } : {};
    const handlers = this.history.recorded(options as Recorded as Handlers);
    return connect({ engine: this.engine, ...where, ...options, ...(handlers as object) });
  }

  /** A peer that is connected to the server. */
  async peer<Context>(server: Server<Context>): Promise<PeerClient> {
    const { address } = server;
    const client = new PeerClient(this.subject.peers.open(address.family === 'unix' ? address.path : address.port));
    this.#peers.push(client);
    let connected = false;
    client.socket.once('connect', () => {
      connected = true;
    });
    await eventually(() => connected || client.closed, 'the connection of a peer');
    return client;
  }

  /** A server with one connection, and its peer. */
  async pair(options: ListenOptions = {}): Promise<{ server: Server; connection: Connection; peer: PeerClient }> {
    const server = await this.listen(options);
    const peer = await this.peer(server);
    const find = (): Connection | undefined =>
      [...this.history.lives.keys()].find(({ group }) => group === server.core);
    await eventually(() => find() !== undefined, 'the connection is accepted');
    const connection = find();
    return { server, connection: connection as Connection, peer };
  }

  /** The same, after the peer's end has caused ours, following bytes that the peer does not read. */
  async endedByPeer(): Promise<{ connection: Connection; peer: PeerClient }> {
    const { connection, peer } = await this.pair();
    peer.socket.pause();
    connection.write(someBytes(12 * MIB));
    peer.socket.end();
    await eventually(() => !connection.writable, 'our end');
    assert(connection.queuedBytes > 0);
    return { connection, peer };
  }

  /** The two ends of a connection that the engine has both of. */
  async ends(options: ListenOptions = {}): Promise<{ server: Server; connection: Connection; client: Connection }> {
    const server = await this.listen(options);
    const client = await this.connect({ port: portOf(server) });
    await eventually(() => server.connectionsCount > 0, 'the connection is accepted');
    const [connection] = server.connections();
    return { server, connection: connection as Connection, client };
  }

  /** After the test: everything ends, is reported, and leaves nothing behind. */
  async close(): Promise<void> {
    for (const { socket } of this.#peers) {
      socket.destroy();
    }
    this.engine.close();
    await eventually(() => this.history.complete, `the last close: ${this.history.incomplete}`);
    this.history.check();
    const { sockets, operationsInFlight, buffersLent, sendBlocksHeld } = this.engine.core.port.statistics();
    const { queuedBytes, heldBytes } = this.engine;
    assert.deepEqual(
      { sockets, operationsInFlight, buffersLent, sendBlocksHeld, queuedBytes, heldBytes },
      { sockets: 0, operationsInFlight: 0, buffersLent: 0, sendBlocksHeld: 0, queuedBytes: 0, heldBytes: 0 },
    );
    await eventually(() => this.#unended === '', 'the end of what was posted');
  }

  /** Kinds of operations of which more were posted than have completed, or fewer. */
  get #unended(): string {
    const { operationsPosted, completions } = this.engine.statistics();
    const kinds = ['connect', 'send', 'shutdown'] as const;
    return kinds.filter((kind) => completions[kind] !== operationsPosted[kind]).join(' ');
  }
}

export interface SceneOptions {
  readonly timeoutMs?: number;
  readonly engine?: EngineOptions;
  /** Capabilities that the system must have. */
  readonly needs?: keyof SystemCapabilities;
}

/** A test on a stage, with a bound on its time. */
export type Scene = (name: string, body: (stage: Stage) => Promise<void>, options?: SceneOptions) => void;

export function scenes(subject: EngineSubject): Scene {
  return (name, body, { timeoutMs = 60_000, engine = {}, needs } = {}) => {
    const skip = needs === undefined ? false : lackOf(needs, subject.capabilities);
    test(name, { timeout: timeoutMs * system.patience, skip }, async (context) => {
      const { signal } = context;
      const stage = new Stage(subject, engine);
      let passed = false;
      try {
        await Promise.race([body(stage), rejectedWith(signal)]);
        passed = true;
      } catch (error) {
        const lack = lackBehind(error, subject.capabilities);
        if (lack === false) {
          throw error;
        }
        context.skip(lack);
      } finally {
        await closeStage(stage, passed);
        closeLeftovers();
      }
    });
  };
}

/** A test that has timed out goes no further: the awaited event may never happen. */
function rejectedWith(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** A problem at the end matters only if the test had none before. */
async function closeStage(stage: Stage, passed: boolean): Promise<void> {
  try {
    await stage.close();
  } catch (error) {
    if (passed) {
      throw error;
    }
  }
}
