/** The subject of the tests of TLS: a driver, and for each test an engine. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import {
  type CloseReason,
  type Connection,
  type ConnectOptions,
  connect,
  Engine,
  type ListenOptions,
  listen,
  type Server,
  type TlsListenOptions,
} from 'overlapped';
import type { SystemDriverName } from 'overlapped/port';
import { tlsLibrary } from '../../src/tls/library.js';
import { liveSessions } from '../../src/tls/session.js';
import { authority, ofServer } from '../support/certificates.js';
import { eventually } from '../support/harness.js';

/** How a connection of the stage has ended. */
export interface End {
  readonly reason: CloseReason;
  readonly code: string | undefined;
}

export class TlsStage {
  readonly engine: Engine;
  /** The ends of the server's connections that were open. */
  readonly ends: End[] = [];
  readonly thrown: unknown[] = [];
  readonly sockets = new Set<net.Socket>();
  readonly #servers: net.Server[] = [];

  constructor(driver: SystemDriverName) {
    this.engine = new Engine({
      driver,
      bufferCount: 64,
      poisonReleasedBuffers: true,
      onHandlerError: (error) => {
        this.thrown.push(error);
      },
    });
  }

  /** A server that echoes, unless the options have handlers. */
  listen(
    options: Omit<ListenOptions, 'tls'> & { readonly tls?: TlsListenOptions } = {},
  ): Promise<Server & { readonly port: number }> {
    const codes = new WeakMap<Connection, string>();
    return listen({
      engine: this.engine,
      host: '127.0.0.1',
      port: 0,
      data: (connection, chunk) => connection.write(chunk),
      error: (connection, error) => codes.set(connection, (error as NodeJS.ErrnoException).code ?? error.message),
      close: (connection, reason) => this.ends.push({ reason, code: codes.get(connection) }),
      ...options,
      tls: { ...ofServer, ...options.tls } as TlsListenOptions,
    } as ListenOptions) as Promise<Server & { readonly port: number }>;
  }

  connect(options: ConnectOptions): Promise<Connection> {
    return connect({ engine: this.engine, host: '127.0.0.1', ...options });
  }

  /** A client of node:tls that trusts the authority. */
  client(port: number, options: tls.ConnectionOptions = {}): tls.TLSSocket {
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.cert, ...options });
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    return socket;
  }

  /** A plain socket to a port. */
  async socket(port: number): Promise<net.Socket> {
    const socket = net.connect({ port, host: '127.0.0.1' });
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  /** Listens with a server of Node until the test is over. @returns its port */
  async serve(server: net.Server): Promise<number> {
    this.#servers.push(server);
    server.on('connection', (socket: net.Socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as net.AddressInfo).port;
  }

  /** After the test: everything ends, and every SSL was freed. */
  async close(): Promise<void> {
    for (const socket of this.sockets) {
      socket.destroy();
    }
    for (const server of this.#servers) {
      server.close();
    }
    this.engine.close();
    await eventually(() => liveSessions() === 0, 'the last SSL is freed');
    const { sockets, operationsInFlight, buffersLent, sendBlocksHeld } = this.engine.core.port.statistics();
    const { queuedBytes, heldBytes } = this.engine;
    const { blocksHeld } = this.engine.core.writes;
    const recordsLent = tlsLibrary().records.lent;
    assert.deepEqual(
      { sockets, operationsInFlight, buffersLent, sendBlocksHeld, queuedBytes, heldBytes, blocksHeld, recordsLent },
      {
        sockets: 0,
        operationsInFlight: 0,
        buffersLent: 0,
        sendBlocksHeld: 0,
        queuedBytes: 0,
        heldBytes: 0,
        blocksHeld: 0,
        recordsLent: 0,
      },
    );
  }
}

/** A relay to a port, which can change the bytes of a client. */
export class Relay {
  readonly server: net.Server;
  /** Called with each chunk of the client before it is passed on. */
  change: (chunk: Buffer) => void = () => undefined;
  readonly toServer: net.Socket[] = [];
  readonly fromServer: Buffer[] = [];

  constructor(stage: TlsStage, port: number) {
    this.server = net.createServer((socket) => {
      const to = net.connect({ port, host: '127.0.0.1' });
      this.toServer.push(to);
      stage.sockets.add(to);
      to.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        this.change(chunk);
        to.write(chunk);
      });
      to.on('data', (chunk: Buffer) => {
        this.fromServer.push(chunk);
        socket.write(chunk);
      });
      to.on('close', () => socket.destroy());
    });
  }
}

export type Scene = (title: string, play: (stage: TlsStage) => Promise<void>) => void;

export function scenes(driver: SystemDriverName): Scene {
  return (title, play) => {
    test(title, async () => {
      const stage = new TlsStage(driver);
      try {
        await play(stage);
      } finally {
        await stage.close();
      }
    });
  };
}

/** Everything that a stream brings until its end. */
export async function readAll(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** The error of a promise that rejects. */
export async function errorOf(promise: Promise<unknown>): Promise<NodeJS.ErrnoException> {
  try {
    await promise;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  throw new assert.AssertionError({ message: 'It did not reject' });
}

/** The socket is closed, with or without an error. */
export function closed(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}
