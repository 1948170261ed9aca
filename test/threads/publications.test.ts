/** Publications on their way between threads: packed together, in order, bounded. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BATCHES_MAX, Backlog, Outbox, type Published } from '../../src/threads/outbox.js';
import {
  BATCH_BYTES_MAX,
  type Batch,
  costOf,
  Packer,
  PUBLICATIONS_MAX,
  unpack,
} from '../../src/threads/publications.js';

/** A publication as a receiver reads it: as in another thread, which gets a clone. */
function read(batch: Batch): [string | undefined, string][] {
  const found: [string | undefined, string][] = [];
  unpack(structuredClone(batch), (topic, bytes) => {
    assert(bytes.buffer instanceof SharedArrayBuffer);
    found.push([topic, Buffer.from(bytes).toString('latin1')]);
  });
  return found;
}

function batchOf(byteLength: number, topic = 'room'): Batch {
  const packer = new Packer();
  packer.add(topic, [Buffer.alloc(byteLength, 1)]);
  return packer.take();
}

describe('Publications packed into a batch', () => {
  test('are read in order, with their topics and bytes of every size', () => {
    const packer = new Packer();
    // Lone surrogates make different topics, which UTF-8 would not keep apart.
    const topics = ['room', undefined, '', '\ud800', '\udbff', 'room', '__proto__'];
    const sizes = [1, 1023, 1024, 1025, 7, 100_000, 3, 1024, 4096, 64];
    for (const round of [0, 1, 2]) {
      const expected: [string | undefined, string][] = [];
      for (const size of sizes) {
        for (const topic of topics) {
          const bytes = Buffer.alloc(size + round, expected.length + 1);
          assert.deepEqual(Buffer.from(packer.add(topic, [bytes])), bytes);
          expected.push([topic, bytes.toString('latin1')]);
        }
      }
      const batch = packer.take();
      assert.deepEqual(read(batch), expected);
      assert('topics' in batch);
      assert.deepEqual(batch.topics, ['room', '', '\ud800', '\udbff', '__proto__']);
      assert.equal(packer.isEmpty, true);
    }
  });

  test('may be text, in pieces; those without bytes are omitted', () => {
    const packer = new Packer();
    packer.add('a', ['é', Buffer.from('b'), '']);
    packer.add('a', []);
    packer.add('empty', ['']);
    assert.throws(() => packer.add('a', [5 as never]), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.deepEqual(read(packer.take()), [['a', Buffer.from('éb').toString('latin1')]]);
    packer.add('empty', ['']);
    assert.equal(packer.isEmpty, true);
  });

  test('fill a batch by number and by bytes', () => {
    for (const [size, count] of [
      [1, PUBLICATIONS_MAX],
      [1024, Math.min(PUBLICATIONS_MAX, BATCH_BYTES_MAX / 1024)],
      [BATCH_BYTES_MAX, 1],
    ] as const) {
      const packer = new Packer();
      for (let index = 0; index < count; index++) {
        assert.equal(packer.isFull, false);
        packer.add(undefined, [Buffer.alloc(size)]);
      }
      assert.equal(packer.isFull, true);
      assert.equal(read(packer.take()).length, count);
      assert.equal(packer.isFull, false);
    }
  });

  test('cost the memory that they take', () => {
    for (const [size, topic] of [
      [64, 'room'],
      [1024, 't'.repeat(5000)],
      [100_000, ''],
    ] as const) {
      const cost = costOf(batchOf(size, topic));
      const least = size + 2 * topic.length;
      assert(cost > least && cost < least + 1024, `${cost}`);
    }
  });
});

describe('An outbox of publications', () => {
  function filled(bytesMax: number): { outbox: Outbox; backlog: Backlog; taken: () => Published[] } {
    const posted: Published[] = [];
    const backlog = new Backlog();
    const outbox = new Outbox(new Backlog(backlog.memory), bytesMax, (message) => posted.push(message));
    return { outbox, backlog, taken: () => posted.splice(0) };
  }
  const kinds = (messages: Published[]): string[] =>
    messages.map((message) => (message.kind === 'missed' ? 'missed' : `${message.batches.length}`));

  test('posts at once to a receiver that has read everything, and gathers for another', () => {
    const { outbox, backlog, taken } = filled(100_000_000);
    outbox.flush();
    assert.deepEqual(taken(), []);
    const batches = [1, 2, 3].map((size) => batchOf(size));
    outbox.add(batches);
    assert.equal(outbox.isWaiting, false);
    assert.deepEqual(taken(), [{ kind: 'publish', batches }]);
    batches.forEach((batch) => outbox.add([batch]));
    assert.equal(outbox.isWaiting, true);
    assert.deepEqual(taken(), []);
    outbox.flush();
    assert.deepEqual(taken(), [{ kind: 'publish', batches }]);
    outbox.flush();
    assert.deepEqual(taken(), []);
    // A full message does not wait.
    const many = Array.from({ length: BATCHES_MAX + 1 }, () => batchOf(1));
    outbox.add(many);
    assert.deepEqual(kinds(taken()), [`${BATCHES_MAX}`]);
    const large = batchOf(1_000_000);
    outbox.add([large]);
    assert.deepEqual(kinds(taken()), ['2']);
    backlog.take([...batches, ...batches, ...many, large]);
    assert.equal(backlog.bytes, 0);
    outbox.add([large]);
    assert.deepEqual(kinds(taken()), ['1']);
  });

  test('is bounded, and reports a gap once, at its place', () => {
    const { outbox, backlog, taken } = filled(10_000);
    const batch = batchOf(6000);
    const publish = (): void => outbox.add([batch]);
    publish();
    publish();
    // Publications that wait to be posted are counted, too.
    assert(backlog.bytes > 12_000 && backlog.bytes < 16_000, `${backlog.bytes}`);
    publish();
    publish();
    assert.deepEqual(kinds(taken()), ['1', '1', 'missed']);
    backlog.take([batch]);
    publish();
    publish();
    assert.deepEqual(kinds(taken()), ['1', 'missed']);
    outbox.miss();
    assert.deepEqual(kinds(taken()), ['missed']);
    backlog.take([batch, batch]);
    assert.equal(backlog.bytes, 0);
    publish();
    publish();
    outbox.miss();
    assert.deepEqual(kinds(taken()), ['1', '1', 'missed']);
    // One that is larger than the bound is sent while nothing else waits.
    backlog.take([batch, batch]);
    outbox.add([batchOf(50_000)]);
    assert.deepEqual(kinds(taken()), ['1']);
  });
});
