/** The ring of receive buffers: how many are offered to the kernel. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BufferRing } from '../../../src/drivers/io-uring/buffer-ring.js';
import type { Ring } from '../../../src/drivers/io-uring/ring.js';
import { Slab } from '../../../src/ffi/memory.js';

const BUFFERS = 1024;

/** A ring of buffers whose kernel is this test: it takes the offered buffers, and returns none by itself. */
function bufferRing(count: number): BufferRing {
  const memory = new Slab(64);
  const ring = { register: () => 0 } as unknown as Ring;
  return new BufferRing(ring, { count, sizeBytes: 64, strideBytes: 64, address: memory.address, memory: memory.u8 });
}

/** One turn: this many buffers are taken, and then returned. */
function turn(ring: BufferRing, taken: number): void {
  ring.offer();
  assert(taken <= ring.offered);
  for (let index = 0; index < taken; index++) {
    ring.took();
  }
  for (let index = 0; index < taken; index++) {
    ring.give(index);
  }
  assert.equal(ring.free, BUFFERS);
}

test('few buffers are offered while few are used, and more at once when they are short', () => {
  const ring = bufferRing(BUFFERS);
  assert.deepEqual([ring.free, ring.offered], [BUFFERS, 0]);
  for (let turns = 0; turns < 100; turns++) {
    turn(ring, 40);
  }
  assert.equal(ring.offered, 24);
  turn(ring, 60);
  ring.offer();
  assert.equal(ring.offered, 256);
  turn(ring, 200);
  ring.offer();
  assert.equal(ring.offered, BUFFERS);
});

test('buffers that are not needed for a long time are no longer offered', () => {
  const ring = bufferRing(BUFFERS);
  turn(ring, 64);
  turn(ring, 256);
  turn(ring, 1000);
  ring.offer();
  assert.equal(ring.offered, BUFFERS);
  for (let turns = 0; turns < 40_000; turns++) {
    turn(ring, 20);
  }
  ring.offer();
  assert(ring.offered <= 128, `${ring.offered} offered`);
});

test('a pool smaller than the minimum offer is offered completely', () => {
  const ring = bufferRing(3);
  ring.offer();
  assert.deepEqual([ring.free, ring.offered], [3, 3]);
});
