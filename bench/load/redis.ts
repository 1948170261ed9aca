/**
 * Commands of a client of Redis, which is the measured program: the load is its server. It gives the program its port by a
 * connection of its own, whose end is the end of the client's work.
 */

import type { OverlappedSocket } from 'overlapped/port';
import { DrivenPort, type Handler } from './driven-port.js';
import type { LoadOrder, Sample } from './order.js';
import { bulkReply, CommandReader } from './resp.js';

/** The answer to `HELLO`, with which a client of the protocol's third version begins. */
const HELLO = `%3\r\n${bulkReply('server')}${bulkReply('redis')}${bulkReply('version')}${bulkReply('7.0.0')}${bulkReply('proto')}:3\r\n`;
const OK = '+OK\r\n';
const NULL = '_\r\n';
const PIECE_BYTES_MAX = 256 * 1024;

/** A connection: the one that the load has made, or a client's. */
class Client {
  readonly reader = new CommandReader();
  /** When it was answered last, in µs. */
  answeredAt = 0;
}

class Redis implements Handler<Client> {
  readonly #driven: DrivenPort<Client>;
  readonly #values = new Map<string, string>();
  #port = 0;
  #heard = false;

  constructor(order: LoadOrder) {
    this.#driven = new DrivenPort(order, PIECE_BYTES_MAX, this);
  }

  run(): Sample {
    this.#port = this.#driven.listen(() => new Client());
    this.#driven.connectAll([new Client()]);
    const sample = this.#driven.measure({ of: 1, what: 'clients', missing: () => 0 });
    this.#driven.close();
    return sample;
  }

  connected(socket: OverlappedSocket): void {
    this.#driven.port.postSend(socket, Buffer.from(`${this.#port}`));
  }

  received(socket: OverlappedSocket, client: Client, data: Buffer): void {
    const { window, port } = this.#driven;
    client.reader.add(data);
    let replies = '';
    for (let words = client.reader.next(); words !== undefined; words = client.reader.next()) {
      replies += this.#reply(words);
      window.units++;
    }
    if (replies === '') {
      return;
    }
    if (!this.#heard) {
      this.#heard = true;
      this.#driven.heard();
    }
    if (client.answeredAt > 0) {
      // The client's part of a round trip.
      window.latencies.record(window.now - client.answeredAt);
    }
    client.answeredAt = performance.now() * 1000;
    port.postSend(socket, Buffer.from(replies, 'latin1'));
  }

  #reply([command, key = '', value = '']: readonly string[]): string {
    switch (command) {
      case 'SET':
        if (!value.startsWith(`${key}:`)) {
          throw new Error(`Wrong command: found SET ${key} ${value}, wanted a value that begins with its key`);
        }
        this.#values.set(key, value);
        return OK;
      case 'GET': {
        const found = this.#values.get(key);
        return found === undefined ? NULL : bulkReply(found);
      }
      case 'HELLO':
        return HELLO;
      case 'CLIENT':
        return OK;
      default:
        throw new Error(`Wrong command: found ${command}, wanted SET or GET`);
    }
  }
}

export const redis = (order: LoadOrder): Sample => new Redis(order).run();
