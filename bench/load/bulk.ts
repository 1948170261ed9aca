/**
 * Bytes one way: into a server that answers each whole MiB, or each message of 1 MiB, with its last byte; or out of a
 * server that sends without end.
 */

import type { OverlappedSocket } from 'overlapped/port';
import type { Stream } from '../../src/cli/bench/stream.js';
import { FRAMED_BYTES, framedStream, inwardStream, MIB, outwardStream, PIECE_BYTES_MAX } from './bytes.js';
import { DrivenPort, type Handler } from './driven-port.js';
import type { LoadOrder, Sample } from './order.js';

/** Sends in flight in each stream, so that another one is there when one is done. */
const SENDS_IN_FLIGHT = 2;
/** The load sends each message, or each MiB of a stream, in this many pieces. */
const PIECES_A_MESSAGE = 4;

class Client {
  /** Where in the stream its next piece begins. */
  place = 0;
  /** Pieces that were sent into the server, and messages that it has answered. */
  pieces = 0;
  answered = 0;
  /** When its stream moved last, in µs. */
  movedAt = Number.NEGATIVE_INFINITY;
}

class Inward implements Handler<Client> {
  readonly driven: DrivenPort<Client>;
  readonly #stream: Stream;
  /** The server answers each time it has received this many bytes. */
  readonly #messageBytes: number;
  readonly #pieceBytes: number;

  constructor(order: LoadOrder, stream: Stream, messageBytes: number) {
    this.#stream = stream;
    this.#messageBytes = messageBytes;
    this.#pieceBytes = messageBytes / PIECES_A_MESSAGE;
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
    // When the time is over it continues to the end of the message, so that everything is answered.
    if (!window.over || client.pieces % PIECES_A_MESSAGE !== 0) {
      this.#send(socket, client);
    }
  }

  #send(socket: OverlappedSocket, client: Client): void {
    this.driven.send(socket, this.#stream.piece(client.place, this.#pieceBytes));
    client.place = (client.place + this.#pieceBytes) % this.#stream.periodBytes;
    client.pieces++;
  }

  received(_: OverlappedSocket, client: Client, data: Buffer): void {
    for (const byte of data) {
      client.answered++;
      const wanted = this.#stream.byteAt(client.answered * this.#messageBytes - 1);
      if (byte !== wanted) {
        throw new Error(
          `Wrong answer to message ${client.answered} of ${this.#messageBytes} bytes: found ${byte}, wanted ${wanted}`,
        );
      }
      this.driven.window.units += this.#messageBytes;
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

/** Each stream must make progress during the measurement or soon after it, and each message must be answered. */
function run({ driven }: Inward | Outward, streams: number): Sample {
  const clients = Array.from({ length: streams }, () => new Client());
  driven.connectAll(clients);
  const standsStill = ({ movedAt, pieces, answered }: Client): boolean =>
    !driven.window.holds(movedAt) || answered * PIECES_A_MESSAGE < pieces;
  const sample = driven.measure({
    of: streams,
    what: 'streams that stand still',
    missing: () => clients.filter(standsStill).length,
  });
  driven.close();
  return sample;
}

export const bulkIn = (order: LoadOrder, streams: number): Sample =>
  run(new Inward(order, inwardStream(), MIB), streams);
export const framedIn = (order: LoadOrder, streams: number): Sample =>
  run(new Inward(order, framedStream(), FRAMED_BYTES), streams);
export const bulkOut = (order: LoadOrder, streams: number): Sample => run(new Outward(order), streams);
