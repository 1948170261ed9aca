/** Sessions of TLS without sockets: records that come in pieces, and the memory of their data. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, describe, test } from 'node:test';
import { createSecureContext } from 'overlapped';
import { addressOfBytes } from '../../src/ffi/library.js';
import { tlsLibrary } from '../../src/tls/library.js';
import { poisonRecordMemory, type RecordBuffer } from '../../src/tls/record-memory.js';
import { liveSessions, TlsSession } from '../../src/tls/session.js';
import { authority, ofServer } from '../support/certificates.js';

const NO_HOOKS = { protocols: undefined, keylog: undefined };
const RECORD_BYTES_MAX = 16_384;

/** The bytes that OpenSSL has written. */
function written(): Buffer {
  const library = tlsLibrary();
  const bytes = Buffer.allocUnsafeSlow(library.written);
  if (bytes.length > 0) {
    library.take(addressOfBytes(bytes), bytes.length);
    library.takenAll();
  }
  return bytes;
}

/** Both ends of a connection, after their handshake. */
class Pair {
  readonly server = new TlsSession(tlsLibrary(), createSecureContext(ofServer), 'server');
  readonly client = new TlsSession(tlsLibrary(), createSecureContext({ ca: authority.cert }), 'client');

  constructor() {
    let toServer: Buffer | undefined;
    let toClient: Buffer | undefined;
    for (let served: unknown; served !== 'done'; ) {
      assert.equal(served instanceof Error, false);
      if (this.client.handshake(toClient, NO_HOOKS) instanceof Error) {
        assert.fail('The handshake of the client has failed');
      }
      toServer = written();
      served = this.server.handshake(toServer, NO_HOOKS);
      toClient = written();
    }
  }

  /** The records of data that the client sends. */
  records(data: Buffer): Buffer {
    this.client.write(addressOfBytes(data), data.length);
    return written();
  }

  read(bytes: Buffer): { readonly data: Buffer | undefined; readonly lent: RecordBuffer | undefined } {
    const { copied, lent, byteLength, error } = this.server.read(bytes, 0, bytes.length, addressOfBytes(bytes));
    assert.equal(error, undefined);
    return { data: byteLength > 0 ? bytes.subarray(0, byteLength) : copied, lent };
  }

  free(): void {
    this.server.free();
    this.client.free();
  }
}

describe('sessions of TLS', () => {
  const pair = new Pair();
  after(() => {
    pair.free();
    assert.equal(liveSessions(), 0);
    assert.equal(tlsLibrary().records.lent, 0);
  });

  test('a record may come in pieces of one byte', () => {
    const data = randomBytes(500);
    const records = pair.records(data);
    const pieces = Array.from(records, (byte) => pair.read(Buffer.from([byte])));
    const whole = pieces.pop();
    assert.deepEqual(whole?.data, data);
    assert(pieces.every((piece) => piece.data === undefined));
    whole?.lent?.release();
  });

  test('the data of a record that was cut is lent, and the data of more than there are buffers has its own memory', () => {
    poisonRecordMemory();
    const held = Array.from({ length: 20 }, (_, index) => {
      const data = randomBytes(index % 2 === 0 ? RECORD_BYTES_MAX : 100 + index);
      const records = pair.records(data);
      const cut = 1 + ((index * 997) % (records.length - 1));
      assert.equal(pair.read(records.subarray(0, cut)).data, undefined);
      return { ...pair.read(records.subarray(cut)), sent: data };
    });
    const lent = held.flatMap((one) => one.lent ?? []);
    assert.equal(lent.length, 16);
    assert.equal(new Set(lent.map(({ address }) => address)).size, 16);
    for (const { data, sent } of held) {
      assert.deepEqual(data, sent);
    }
    for (const one of lent) {
      one.retain();
      one.release();
      assert.equal(one.references, 1);
      one.release();
    }
    for (const one of held) {
      assert.equal(
        one.data?.every((byte) => byte === 0xdd),
        one.lent !== undefined,
      );
    }
  });

  test('lent memory cannot be taken away', () => {
    const records = pair.records(Buffer.from('the data'));
    pair.read(records.subarray(0, 10));
    const { data, lent } = pair.read(records.subarray(10));
    try {
      structuredClone(data, { transfer: [data?.buffer as ArrayBuffer] });
    } catch {
      // An error, or a copy.
    }
    assert.equal(String(data), 'the data');
    lent?.release();
  });
});
