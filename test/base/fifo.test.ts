/** The queue of objects that wait. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Fifo } from '../../src/base/fifo.js';

describe('a queue of waiting operations', () => {
  const ENTRY_BYTES = 65536;
  const ROUNDS = 20_000;

  test('is first in, first out, and does not retain removed entries even if it is never empty', () => {
    const fifo = new Fifo<Buffer>();
    const entry = (number: number): Buffer => {
      const bytes = Buffer.allocUnsafeSlow(ENTRY_BYTES);
      bytes.writeInt32LE(number);
      return bytes;
    };
    const numberOf = (bytes: Buffer): number => bytes.readInt32LE();
    for (let number = 0; number < 100; number++) {
      fifo.push(entry(number));
    }
    for (let round = 0; round < ROUNDS; round++) {
      assert.equal(numberOf(fifo.first), round);
      assert.equal(numberOf(fifo.shift()), round);
      fifo.push(entry(round + 100));
    }
    assert.equal(fifo.length, 100);
    const kept = process.memoryUsage().arrayBuffers;
    assert.ok(kept < (ROUNDS * ENTRY_BYTES) / 2, `${kept} bytes`);
    fifo.putBack([entry(-2), entry(-1)]);
    assert.deepEqual([fifo.length, ...[1, 2, 3].map(() => numberOf(fifo.shift()))], [102, -2, -1, ROUNDS]);
    while (fifo.length > 0) {
      fifo.shift();
    }
    fifo.push(entry(7));
    assert.equal(numberOf(fifo.first), 7);
  });
});
