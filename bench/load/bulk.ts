/** Bytes one way: into a server that answers each whole MiB with its last byte, or out of one that sends for ever. */

import type { OverlappedSocket } from 'overlapped';
import { inwardStream, MIB, outwardStream, PIECE_BYTES_MAX, type Stream } from './bytes.js';
import { DrivenPort, type Handler } from './driven-port.js';
import type { LoadOrder, Sample } from './order.js';

/** Pieces on their way in each stream, so that one is there when another is done. */
const SENDS_IN_FLIGHT = 2;

interface Client {
  /** Where in the stream its next piece begins. */
  place: number;
  /** MiB that the server has told of. */
  answered: number;
}

class Inward implements Handler<Client> {
  readonly driven: DrivenPort<Client>;
  readonly #stream = inwardStream();

  constructor(order: LoadOrder) {
    this.driven = new DrivenPort(order, 1, this);
  }

  connected(socket: OverlappedSocket, client: Client): void {
    for (let index = 0; index < SENDS_IN_FLIGHT; index++) {
      this.sent(socket, client);
    }
  }

  sent(socket: OverlappedSocket, client: Client): void {
    this.driven.port.postSend(socket, this.#stream.piece(client.place, PIECE_BYTES_MAX));
    client.place = (client.place + PIECE_BYTES_MAX) % this.#stream.periodBytes;
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
  }

  received(_: OverlappedSocket, client: Client, data: Buffer): void {
    client.place = this.#stream.passed(data, client.place);
    this.driven.window.units += data.length;
  }
}

function run({ driven }: Inward | Outward, streams: number): Sample {
  driven.connectAll(Array.from({ length: streams }, () => ({ place: 0, answered: 0 })));
  driven.measure();
  return driven.window.sample();
}

export const bulkIn = (order: LoadOrder, streams: number): Sample => run(new Inward(order), streams);
export const bulkOut = (order: LoadOrder, streams: number): Sample => run(new Outward(order), streams);
