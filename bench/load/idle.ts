/**
 * Idle connections, and by how much the server's process grows for each. The kernel's own memory for a connection is
 * not in it.
 *
 * Before each measurement nothing happens for a while, so that a server with a garbage collector can collect early in
 * it. V8 returns the memory of its young generation after some eight seconds.
 */

import type { OverlappedSocket } from 'overlapped/port';
import { residentBytes } from '../measuring.js';
import { cpuBetween, cpuLook } from './cpu.js';
import { DrivenPort, type Handler } from './driven-port.js';
import type { LoadOrder, Sample, Work } from './order.js';
import { ownAddresses } from './own-addresses.js';

type IdleWork = Extract<Work, { kind: 'idle' }>;

/** Memory that the first connections allocate once for all, such as the receive buffers of a pool, is not counted. */
const CONNECTIONS_BEFORE = 500;

const HELLO = 'hello';
const STILL_THERE = 'still there?';

interface Client {
  socket: OverlappedSocket | undefined;
  /** The last byte that it has sent, and the last one that was received from it. */
  said: string;
  heard: string;
  /** The server has ended it. */
  ended: boolean;
}

class Idle implements Handler<Client> {
  readonly #order: LoadOrder;
  readonly #work: IdleWork;
  readonly #driven: DrivenPort<Client>;
  readonly #addresses = ownAddresses(1);
  readonly #clients: Client[] = [];

  constructor(order: LoadOrder, work: IdleWork) {
    this.#order = order;
    this.#work = work;
    this.#driven = new DrivenPort(order, STILL_THERE.length, this);
  }

  run(): Sample {
    const { pid } = this.#order;
    const { connections } = this.#work;
    this.#connectAll(CONNECTIONS_BEFORE);
    const before = this.#settledBytes();
    const began = performance.now();
    const cpuBefore = cpuLook(pid);
    this.#connectAll(connections);
    const cpuAfter = cpuLook(pid);
    const time = (performance.now() - began) * 1000;
    const after = this.#settledBytes();
    this.#checkAlive();
    this.#driven.close();
    return {
      units: connections,
      time,
      cpu: cpuBetween(cpuBefore, cpuAfter),
      loadCpu: 0,
      othersCpu: 0,
      residentBytes: after,
      growthBytes: (after - before) / connections,
    };
  }

  /** Connects, and has one message echoed on each connection, so that the server has dealt with it. */
  #connectAll(count: number): void {
    const more = Array.from(
      { length: count },
      (): Client => ({ socket: undefined, said: HELLO, heard: '', ended: false }),
    );
    this.#clients.push(...more);
    this.#driven.connectAll(more, this.#addresses);
  }

  /** Connections that are gone would have no memory. */
  #checkAlive(): void {
    const gone = this.#clients.filter(({ ended }) => ended).length;
    if (gone > 0) {
      throw new Error(
        `Connections ended: found ${gone} of ${this.#clients.length} that the server has ended, wanted none`,
      );
    }
    this.#driven.askAll(this.#clients, (client) => this.#say(client, STILL_THERE));
  }

  #settledBytes(): number {
    const { pid, collects } = this.#order;
    const early = this.#work.settleMs / 5;
    this.#pass(early);
    if (collects) {
      process.kill(pid, 'SIGUSR2');
    }
    this.#pass(this.#work.settleMs - early);
    return residentBytes(pid);
  }

  #pass(time: number): void {
    this.#driven.turnUntil(time, () => false);
  }

  #say(client: Client, message: string): void {
    client.said = message;
    client.heard = '';
    this.#driven.port.postSend(client.socket as OverlappedSocket, Buffer.from(message));
  }

  connected(socket: OverlappedSocket, client: Client): void {
    client.socket = socket;
    this.#say(client, HELLO);
  }

  received(_: OverlappedSocket, client: Client, data: Buffer): void {
    client.heard += data.toString('latin1');
    if (!client.said.startsWith(client.heard)) {
      throw new Error(`Wrong answer: found ${client.heard}, wanted ${client.said}`);
    }
    if (client.heard === client.said) {
      this.#driven.heard();
    }
  }

  ended(client: Client): void {
    if (client.heard !== client.said) {
      throw new Error(`Wrong answer: found the end of the connection, wanted ${client.said}`);
    }
    client.ended = true;
  }
}

export const idle = (order: LoadOrder, work: IdleWork): Sample => new Idle(order, work).run();
