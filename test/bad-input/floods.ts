/** Clients that finish their handshake, and then send what no honest client sends. */

import { type EvilPeer, INNER, MESSAGES } from './evil-peer.js';
import { plainOf } from './plain.js';

const DATA = plainOf(1);
const NONE = Buffer.alloc(0);
/** The most bytes of data in a record, and of a record inside its encryption. */
const RECORD_BYTES = 16_384;
const FLOOD = 1000;
/** Pairs of records that are sent at once. */
const PAIRS = 50;
const HANDSHAKE_BYTES = 40;
/** The beginning of a record without data, which has 22 bytes. */
const HALF_BYTES = 12;

export interface Attack {
  readonly name: string;
  /** The records of one turn, and how many turns there are; one by default. */
  readonly turns?: number;
  records(client: EvilPeer, turn: number): Buffer;
  /** It is legal, and costs the server an answer each time, which the client does not read. */
  readonly isLegal?: boolean;
}

const one = (name: string, records: (client: EvilPeer) => Buffer): Attack => ({ name, records });

const flood = (name: string, records: (client: EvilPeer, turn: number) => Buffer): Attack => ({
  name,
  records,
  turns: FLOOD,
});

export const ATTACKS: readonly Attack[] = [
  flood('records without data', (client) => client.record(INNER.data, NONE)),
  flood('records without data, cut in two', (client) => client.cut(client.record(INNER.data, NONE), HALF_BYTES)),
  flood('records of padding', (client) => client.record(INNER.data, NONE, 1000)),
  flood('updates of keys', (client) => client.keyUpdate(false)),
  flood('updates of keys with requests', (client) => client.keyUpdate(true)),
  {
    name: 'updates of keys with requests and data, of which nothing is read',
    turns: FLOOD / 2,
    isLegal: true,
    records: (client, turn) =>
      Buffer.concat(
        Array.from({ length: PAIRS }, (_, pair) => {
          const place = (turn * PAIRS + pair) % DATA.length;
          return Buffer.concat([client.keyUpdate(true), client.record(INNER.data, DATA.subarray(place, place + 1))]);
        }),
      ),
  },
  flood('warnings', (client) => client.record(INNER.alert, Buffer.from([1, 90]))),
  one('a hello', (client) => client.message(MESSAGES.clientHello, Buffer.alloc(HANDSHAKE_BYTES))),
  one('a ticket', (client) => client.message(MESSAGES.newSessionTicket, Buffer.alloc(HANDSHAKE_BYTES))),
  one('a certificate', (client) => client.message(MESSAGES.certificate, Buffer.alloc(HANDSHAKE_BYTES))),
  one('a second end of the handshake', (client) => client.message(MESSAGES.finished, Buffer.alloc(32))),
  one('an update of keys that is none', (client) => client.message(MESSAGES.keyUpdate, Buffer.from([2]))),
  one('an update of keys that is too long', (client) => client.message(MESSAGES.keyUpdate, Buffer.alloc(2))),
  one('data inside a message of a handshake', (client) =>
    Buffer.concat([
      client.record(INNER.handshake, Buffer.from([MESSAGES.keyUpdate, 0, 0])),
      client.record(INNER.data, DATA.subarray(0, 100)),
    ]),
  ),
  one('a message that is too long', (client) =>
    client.record(INNER.handshake, Buffer.from([MESSAGES.keyUpdate, 0xff, 0xff, 0xff])),
  ),
  one('an unknown type', (client) => client.record(99, DATA.subarray(0, 100))),
  one('a change of the cipher inside', (client) => client.record(20, Buffer.from([1]))),
  one('zeros only', (client) => client.record(0, Buffer.alloc(100))),
  one('a record that is too long', (client) => client.record(INNER.data, Buffer.alloc(RECORD_BYTES + 1))),
  one('bytes that are not encrypted', () => Buffer.from('17030300050102030405', 'hex')),
  one('an alert that is not encrypted', () => Buffer.from('15030300020228', 'hex')),
  one('data after close_notify', (client) =>
    // Not what a client of this number sends: it must not reach the program.
    Buffer.concat([client.record(INNER.alert, Buffer.from([1, 0])), client.record(INNER.data, Buffer.alloc(100, 1))]),
  ),
];
