/** Bytes one way: into a server that answers each whole MiB with its last byte, or out of one that sends for ever. */

import type { OverlappedSocket } from 'overlapped/port';
import type { Stream } from '../../src/cli/bench/stream.js';
import { inwardStream, MIB, outwardStream, PIECE_BYTES_MAX } from './bytes.js';
import { DrivenPort, type Handler } from './driven-port.js';
import type { LoadOrder, Sample } from './order.js';

/** Pieces on their way in each stream, so that one is there when another is done. */
const SENDS_IN_FLIGHT = 2;
const PIECES_A_MIB = MIB / PIECE_BYTES_MAX;

class Client {
  /** Where in the stream its next piece begins. */
  place = 0;
  /** Pieces that were sent into the server, and MiB that it has acknowledged. */
  pieces = 0;
  answered = 0;
  /** When its stream moved last, in µs. */
  movedAt = Number.NEGATIVE_INFINITY;
}

class Inward implements Handler<Client> {
  readonly driven: DrivenPort<Client>;
  readonly #stream = inwardStream();

  constructor(order: LoadOrder) {
    this.driven = new DrivenPort(order, 1, this);
  }

  connected(socket: OverlappedSocket, client: Client): void {
    this.driven.heard();
    for (let index = 0; index < SENDS_IN_FLIGHT; index++) {
      this.#send(socket, client);
    }
  }

  sent(socket: OverlappedSocket, client: Client): void {
    const { window } = this.driven;
    client.movedAt = window.now;
    // Behind the time only to the end of a MiB, so that all is answered.
    if (!window.over || client.pieces % PIECES_A_MIB !== 0) {
      this.#send(socket, client);
    }
  }

  #send(socket: OverlappedSocket, client: Client): void {
    this.driven.port.postSend(socket, this.#stream.piece(client.place, PIECE_BYTES_MAX));
    client.place = (client.place + PIECE_BYTES_MAX) % this.#stream.periodBytes;
    client.pieces++;
  }

  received(_: OverlappedSocket, client: Client, data: Buffer): void {
    for (const byte of data) {
      client.answered++;
      const wanted = this.#stream.byteAt(client.answered * MIB - 1);
      if (byte !== wanted) {
        throw new Error(`Wrong answer to MiB ${client.answered}: found ${byte}, wanted ${wanted}`);
      }
      this.driven.window.units += MIB;
    }
  }
}

class Outward implements Handler<Client> {
  readonly driven: DrivenPort<Client>;
  readonly #stream: Stream = outwardStream();

  constructor(order: LoadOrder) {
    this.driven = new DrivenPort(order, PIECE_BYTES_MAX, this);
  }

  connected(): void {
    // The server begins by itself.
    this.driven.heard();
  }

  received(_: OverlappedSocket, client: Client, data: Buffer): void {
    const { window } = this.driven;
    client.place = this.#stream.passed(data, client.place);
    window.units += data.length;
    client.movedAt = window.now;
  }
}

/** Each stream must make progress during the measurement or soon after it, and each whole MiB must be answered. */
function run({ driven }: Inward | Outward, streams: number): Sample {
  const clients = Array.from({ length: streams }, () => new Client());
  driven.connectAll(clients);
  const standsStill = ({ movedAt, pieces, answered }: Client): boolean =>
    !driven.window.holds(movedAt) || answered * PIECES_A_MIB < pieces;
  const sample = driven.measure({
    of: streams,
    what: 'streams that stand still',
    missing: () => clients.filter(standsStill).length,
  });
  driven.close();
  return sample;
}

export const bulkIn = (order: LoadOrder, streams: number): Sample => run(new Inward(order), streams);
export const bulkOut = (order: LoadOrder, streams: number): Sample => run(new Outward(order), streams);
