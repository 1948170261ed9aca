/** The bytes that were borrowed last: found again only while they are the same, and where they were. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BorrowedBytes, ownView } from '../../src/base/bytes.js';
import { addressOfBytes } from '../../src/ffi/library.js';
import { RecentBytes } from '../../src/port/sending/recent-bytes.js';
import { shrinkable, transferred } from '../support/taking-away.js';

function added(recent: RecentBytes, bytes: Uint8Array): { owner: BorrowedBytes; address: number } {
  const owner = new BorrowedBytes(ownView(bytes));
  return { owner, address: recent.add(bytes, bytes.length, owner) };
}

describe('recent bytes', () => {
  test('are found with their address, and so are other parts of their memory', () => {
    const recent = new RecentBytes();
    const memory = new Uint8Array(100_000);
    for (const part of [memory.subarray(1000, 50_000), memory.subarray(70_000), memory, new Uint8Array(5000)]) {
      const { owner, address } = added(recent, part);
      assert.equal(address, addressOfBytes(part));
      assert.equal(recent.ownerOf(part, part.length), owner);
      assert.equal(recent.address, address);
      assert(recent.isInSame(part.subarray(1)));
    }
    assert(!recent.isInSame(memory));
  });

  test('are not found once they are others, have another length, or were cleared', () => {
    const recent = new RecentBytes();
    const bytes = new Uint8Array(5000);
    added(recent, bytes);
    assert.equal(recent.ownerOf(bytes.subarray(), 5000), undefined);
    assert.equal(recent.ownerOf(bytes, 4999), undefined);
    recent.clear();
    assert.equal(recent.ownerOf(bytes, 5000), undefined);
    assert(!recent.isInSame(bytes));
  });

  test('are not found once their memory was transferred or is shorter', () => {
    const recent = new RecentBytes();
    const gone = new Uint8Array(5000);
    added(recent, gone);
    transferred(gone);
    assert.equal(recent.ownerOf(gone, 5000), undefined);
    const { bytes, shrink } = shrinkable(5000);
    added(recent, bytes);
    shrink();
    assert.equal(recent.ownerOf(bytes, 5000), undefined);
  });
});
