/**
 * Idle connections, and the memory of the server's process for each. The kernel's own memory for a connection is not in
 * it.
 *
 * The process is looked at a moment after the last activity, when the garbage of connecting is still there, and again
 * after V8 has returned the memory of its young generation, which takes it about eight seconds. The suite asks another
 * process for a collection, and that one reports the memory in use.
 */

import { existsSync, readFileSync, unlinkSync } from 'node:fs';
import type { OverlappedSocket } from 'overlapped/port';
import { residentBytes } from '../measuring.js';
import { cpuBetween, cpuLook } from './cpu.js';
import { DrivenPort, type Handler } from './driven-port.js';
import type { Exchange } from './exchange.js';
import { AnswerCheck, HttpExchange } from './http.js';
import { endTurn, takesTurn } from './one-at-a-time.js';
import type { LoadOrder, Sample, Work } from './order.js';
import { ownAddresses } from './own-addresses.js';

type IdleWork = Extract<Work, { kind: 'idle' }>;
type InUseWork = Extract<Work, { kind: 'in-use' }>;

/** Memory that the first connections allocate once for all, such as the receive buffers of a pool, is not counted. */
const CONNECTIONS_BEFORE = 500;

/** For a collection: other servers, which are measured meanwhile, may delay it. */
const COLLECT_TIMEOUT_MS = 10_000;

/** For the turns of others, which connect one after the other. */
const TURN_TIMEOUT_MS = 60_000;

/** Echoed messages; of HTTP, each is a request. */
const HELLO = 'hello';
const STILL_THERE = 'still there?';

interface Client {
  /** The exchange of HTTP; undefined where messages are echoed. */
  readonly exchange: Exchange | undefined;
  socket: OverlappedSocket | undefined;
  /** The last byte that it has sent, and the last one that was received from it. */
  said: string;
  heard: string;
  /** The server has ended it. */
  ended: boolean;
}

class Idle implements Handler<Client> {
  readonly #order: LoadOrder;
  readonly #driven: DrivenPort<Client>;
  readonly #addresses = ownAddresses(1);
  readonly #clients: Client[] = [];
  readonly #check: AnswerCheck | undefined;

  /** @param body of an answer of HTTP; echo by default */
  constructor(order: LoadOrder, body?: string) {
    this.#order = order;
    this.#check = body === undefined ? undefined : new AnswerCheck(body);
    this.#driven = new DrivenPort(order, STILL_THERE.length, this);
  }

  /** The growth of the process. It is compared twice with its size long after the first connections. */
  resident({ connections, soonMs, lateMs }: IdleWork): Sample {
    const { pid } = this.#order;
    this.#connectAll(CONNECTIONS_BEFORE);
    this.#pass(lateMs);
    // A server that has the processor for itself accepts faster, and V8 then has more garbage.
    const inTurn = this.#driven.turnUntil(TURN_TIMEOUT_MS, takesTurn);
    const before = residentBytes(pid);
    const sample = this.#connectMeasured(connections);
    this.#pass(soonMs);
    const soon = residentBytes(pid);
    if (inTurn) {
      endTurn();
    }
    this.#pass(lateMs - soonMs);
    const late = residentBytes(pid);
    this.#checkAlive();
    this.#driven.close();
    const each = (bytes: number): number => (bytes - before) / connections;
    return { ...sample, residentBytes: late, idle: { soon: each(soon), late: each(late) } };
  }

  /** The growth of the memory in use. */
  inUse({ connections }: InUseWork): Sample {
    this.#connectAll(CONNECTIONS_BEFORE);
    const before = this.#bytesInUse();
    const sample = this.#connectMeasured(connections);
    const inUse = (this.#bytesInUse() - before) / connections;
    this.#checkAlive();
    this.#driven.close();
    return { ...sample, idle: { inUse } };
  }

  #connectMeasured(connections: number): Sample {
    const { pid } = this.#order;
    const began = performance.now();
    const cpuBefore = cpuLook(pid);
    this.#connectAll(connections);
    const cpu = cpuBetween(cpuBefore, cpuLook(pid));
    const time = (performance.now() - began) * 1000;
    return { units: connections, time, cpu, loadCpu: 0, othersCpu: 0, residentBytes: residentBytes(pid) };
  }

  /** Connects, and has one message echoed on each connection, so that the server has dealt with it. */
  #connectAll(count: number): void {
    const check = this.#check;
    const more = Array.from({ length: count }, (): Client => {
      const exchange = check === undefined ? undefined : new HttpExchange(check);
      return { exchange, socket: undefined, said: HELLO, heard: '', ended: false };
    });
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

  /** Asks the server for a collection, and for what is in use then. */
  #bytesInUse(): number {
    const { pid, inUseFile = '' } = this.#order;
    process.kill(pid, 'SIGUSR2');
    if (!this.#driven.turnUntil(COLLECT_TIMEOUT_MS, () => existsSync(inUseFile))) {
      throw new Error(`The server did not report its memory within ${COLLECT_TIMEOUT_MS} ms`);
    }
    const bytes = Number(readFileSync(inUseFile, 'utf8'));
    unlinkSync(inUseFile);
    return bytes;
  }

  #pass(time: number): void {
    this.#driven.turnUntil(time, () => false);
  }

  #say(client: Client, message: string): void {
    client.said = message;
    client.heard = '';
    const bytes = client.exchange?.request() ?? Buffer.from(message);
    this.#driven.send(client.socket as OverlappedSocket, bytes);
  }

  connected(socket: OverlappedSocket, client: Client): void {
    client.socket = socket;
    this.#say(client, HELLO);
  }

  received(_: OverlappedSocket, client: Client, data: Buffer): void {
    if (client.exchange !== undefined) {
      if (client.exchange.take(data)) {
        client.heard = client.said;
        this.#driven.heard();
      }
      return;
    }
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

export const idle = (order: LoadOrder, work: IdleWork): Sample => new Idle(order, work.body).resident(work);

export const inUse = (order: LoadOrder, work: InUseWork): Sample => new Idle(order).inUse(work);
