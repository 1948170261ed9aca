/** A proxy between a client over TLS and the server under test, which changes the bytes of a connection on their way. */

import { connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextIteration } from 'node:timers/promises';
import { listening } from '../support/net-servers.js';

/** A change in one direction, at the position of a byte in the stream. */
export type Change =
  | { readonly kind: 'flip'; readonly at: number; readonly mask: number }
  /** The byte is left out, or sent twice. */
  | { readonly kind: 'drop' | 'repeat'; readonly at: number }
  /** The stream ends before the byte: with a FIN, or with both sides of the connection reset. */
  | { readonly kind: 'end' | 'reset'; readonly at: number }
  /** The bytes come in pieces of these sizes, each by itself. */
  | { readonly kind: 'pieces'; nextBytes(): number };

export interface Changes {
  readonly toServer?: Change | undefined;
  readonly toClient?: Change | undefined;
}

/** Bytes that have come in each direction so far. */
export interface Passed {
  toServer: number;
  toClient: number;
}

interface Relayed {
  readonly bytes: Buffer;
  readonly stop?: 'end' | 'reset';
}

/** A chunk that begins at a position, with the change. */
function changed(chunk: Buffer, position: number, change: Change | undefined): Relayed {
  if (change === undefined || change.kind === 'pieces') {
    return { bytes: chunk };
  }
  const at = change.at - position;
  if (at < 0 || at >= chunk.length) {
    return { bytes: chunk };
  }
  switch (change.kind) {
    case 'flip': {
      const bytes = Buffer.from(chunk);
      bytes[at] = (bytes[at] as number) ^ change.mask;
      return { bytes };
    }
    case 'drop':
      return { bytes: Buffer.concat([chunk.subarray(0, at), chunk.subarray(at + 1)]) };
    case 'repeat':
      return { bytes: Buffer.concat([chunk.subarray(0, at + 1), chunk.subarray(at)]) };
    default:
      return { bytes: chunk.subarray(0, at), stop: change.kind };
  }
}

/** Resets a connection. Node cannot reset one while its FIN is on its way: it would neither close it nor say so. */
function reset(socket: Socket): void {
  if (socket.writableEnded) {
    socket.destroy();
  } else {
    socket.resetAndDestroy();
  }
}

/** Relays one direction. */
class Direction {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #change: Change | undefined;
  readonly #count: (bytes: number) => void;
  #position = 0;
  #stopped = false;
  /** Pieces that are being sent, one in each turn of the event loop. */
  #pieces: Promise<void> = Promise.resolve();

  constructor(from: Socket, to: Socket, change: Change | undefined, count: (bytes: number) => void) {
    this.#from = from;
    this.#to = to;
    this.#change = change;
    this.#count = count;
    from.on('end', () => {
      void this.#pieces.then(() => this.#to.end());
    });
  }

  take(chunk: Buffer): void {
    const { bytes, stop } = changed(chunk, this.#position, this.#change);
    this.#position += chunk.length;
    this.#count(chunk.length);
    if (this.#stopped) {
      return;
    }
    if (this.#change?.kind === 'pieces') {
      const { nextBytes } = this.#change;
      this.#from.pause();
      this.#pieces = this.#pieces.then(() => this.#sendPieces(bytes, nextBytes));
    } else if (bytes.length > 0 && !this.#to.write(bytes)) {
      this.#from.pause();
      this.#to.once('drain', () => this.#from.resume());
    }
    if (stop !== undefined) {
      this.#stopped = true;
      if (stop === 'end') {
        this.#to.end();
      } else {
        reset(this.#from);
        if (this.#to.connecting) {
          this.#to.once('connect', () => reset(this.#to));
        } else {
          reset(this.#to);
        }
      }
    }
  }

  async #sendPieces(bytes: Buffer, nextBytes: () => number): Promise<void> {
    for (let place = 0; place < bytes.length && !this.#to.destroyed; ) {
      const end = Math.min(bytes.length, place + nextBytes());
      this.#to.write(bytes.subarray(place, end));
      place = end;
      await nextIteration();
    }
    this.#from.resume();
  }
}

export class TamperingProxy {
  readonly port: number;
  /** Connections to the server. */
  dialled = 0;
  readonly #server: Server;
  readonly #target: number;
  /** The changes that clients have agreed on before their first byte, by their ports. */
  readonly #changes = new Map<number, { readonly changes: Changes; readonly passed: Passed }>();
  readonly #sockets = new Set<Socket>();
  readonly #usual: Changes;
  /** The bytes that have passed of clients that have agreed on nothing. */
  readonly passed: Passed = { toServer: 0, toClient: 0 };

  private constructor(server: Server, port: number, target: number, changes: Changes) {
    this.#usual = changes;
    this.#server = server;
    this.port = port;
    this.#target = target;
    server.on('connection', (client) => this.#relay(client));
  }

  /** @param changes for clients that have agreed on none */
  static async to(target: number, changes: Changes = {}): Promise<TamperingProxy> {
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    return new TamperingProxy(server, await listening(server), target, changes);
  }

  /** Agrees on the changes of a client's connection, before its first byte. @returns what has passed so far */
  agree(clientPort: number, changes: Changes): Passed {
    const passed = { toServer: 0, toClient: 0 };
    this.#changes.set(clientPort, { changes, passed });
    return passed;
  }

  #relay(client: Socket): void {
    this.#keep(client);
    client.once('data', (first: Buffer) => {
      const { remotePort = 0 } = client;
      const agreed = this.#changes.get(remotePort);
      this.#changes.delete(remotePort);
      const server = connect({ port: this.#target, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
      this.#keep(server);
      this.dialled++;
      const { changes, passed } = agreed ?? { changes: this.#usual, passed: this.passed };
      const inward = new Direction(client, server, changes.toServer, (bytes) => {
        passed.toServer += bytes;
      });
      const outward = new Direction(server, client, changes.toClient, (bytes) => {
        passed.toClient += bytes;
      });
      client.on('close', () => {
        // The connection was counted, so the server must get it, and its end.
        if (server.connecting) {
          server.once('connect', () => server.destroy());
        } else {
          server.destroy();
        }
      });
      server.on('close', () => client.end());
      inward.take(first);
      client.on('data', (chunk: Buffer) => inward.take(chunk));
      server.on('data', (chunk: Buffer) => outward.take(chunk));
    });
  }

  /** Whether all connections are closed. */
  get isIdle(): boolean {
    return this.#sockets.size === 0;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => this.#sockets.delete(socket));
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }
}
