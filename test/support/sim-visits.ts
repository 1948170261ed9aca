/** Clients of an echo server on one simulated network, each with a port to itself or all with one: what replays repeat. */

import { CompletionPort, type OverlappedSocket } from 'overlapped/port';
import type { SimNetwork } from 'overlapped/sim';
import { countingBytes, LOOPBACK } from './harness.js';
import { LoopEcho } from './loop-echo.js';

const PAYLOAD_BYTES = 40_000;
const VISITS_AT_ONCE = 12;
const RETRY_MS = 10;

export interface Visit {
  readonly index: number;
  readonly pieces: Buffer[];
  /** How it ended, if not with an echo. */
  code: string | undefined;
}

/** The bytes of a visit, different for each. */
export function payloadOf(index: number): Buffer {
  return countingBytes(PAYLOAD_BYTES + 100 * index).subarray(10 * index);
}

/** `visits` clients, some at a time, until the last has had its echo or failed. */
export class Visits {
  readonly network: SimNetwork;
  readonly echo: LoopEcho;
  readonly port: CompletionPort;
  readonly all: Visit[] = [];
  /** The trace at the end of the last visit; undefined before. */
  trace: string | undefined;
  readonly #visits: number;
  #over = 0;

  constructor(network: SimNetwork, visits: number) {
    this.network = network;
    this.#visits = visits;
    const options = { driver: network, bufferCount: 16, bufferSizeBytes: 4096 };
    this.echo = new LoopEcho(options).start();
    this.port = CompletionPort.create(options);
    this.port.start((completion) => {
      const visit = completion.context as Visit;
      const socket = completion.socket as OverlappedSocket;
      const { kind, code, bytes, more } = completion;
      if (socket.closed) {
        return;
      }
      if (code !== undefined || (kind === 'receive' && bytes === 0)) {
        this.#end(visit, socket, code);
      } else if (kind === 'connect') {
        this.port.postSend(socket, payloadOf(visit.index), visit);
        this.port.postShutdown(socket, visit);
        this.port.postReceive(socket, { context: visit });
      } else if (kind === 'receive') {
        visit.pieces.push(Buffer.from(completion.data));
        if (!more) {
          this.port.postReceive(socket, { context: visit });
        }
      }
    });
    for (let index = 0; index < Math.min(VISITS_AT_ONCE, visits); index++) {
      this.#begin();
    }
  }

  #begin(): void {
    const visit = { index: this.all.length, pieces: [], code: undefined };
    this.all.push(visit);
    this.#connect(visit);
  }

  #connect(visit: Visit): void {
    let socket: OverlappedSocket;
    try {
      socket = this.port.createSocket('ipv4');
    } catch {
      // No descriptor is free: later.
      this.network.clock.setTimer(() => this.#connect(visit), RETRY_MS);
      return;
    }
    this.port.associate(socket);
    this.port.postConnect(socket, { ...LOOPBACK, port: this.echo.number } as typeof LOOPBACK, visit);
  }

  #end(visit: Visit, socket: OverlappedSocket, code: string | undefined): void {
    visit.code = code;
    this.port.closeSocket(socket);
    this.#over++;
    if (this.all.length < this.#visits) {
      this.#begin();
    } else if (this.#over === this.#visits) {
      this.trace = this.network.trace;
    }
  }

  close(): void {
    this.port.close();
    this.echo.port.close();
  }
}
