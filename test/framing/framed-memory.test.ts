/** Memory of messages that arrive in parts: it is used again, unless something still needs it. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { lengthPrefixed } from 'overlapped/framing';
import { allocateFramed, keepFramed, releaseFramed, takeSpare } from '../../src/framing/framed-memory.js';
import { Framer } from '../../src/framing/framer.js';

const KIB = 1024;
const framing = lengthPrefixed();

function inParts(framer: Framer<Buffer>, message: Buffer, emit: (message: Buffer) => void): void {
  const bytes = Buffer.concat(framing.encode(message) as Uint8Array[]);
  for (let place = 0; place < bytes.length; place += 64 * KIB) {
    framer.push(bytes.subarray(place, place + 64 * KIB), (each) => {
      emit(each);
      return true;
    });
  }
}

/** Takes away what earlier tests have left. */
function drain(): void {
  for (let size = 32 * KIB; size <= 4096 * KIB; size *= 2) {
    while (takeSpare(size) !== undefined) {
      // The next one.
    }
  }
}

describe('memory of messages', () => {
  test('messages in parts use the same memory, one after the other', () => {
    drain();
    const framer = new Framer(framing);
    const memories = new Set<ArrayBufferLike>();
    for (let count = 0; count < 20; count++) {
      const message = Buffer.alloc(1000 * KIB, count);
      inParts(framer, message, (each) => {
        assert(each.equals(message));
        memories.add(each.buffer);
      });
    }
    assert(memories.size <= 2, `${memories.size} allocations`);
  });

  test('memory that is kept is not used again', () => {
    drain();
    const framer = new Framer(framing);
    const kept: Buffer[] = [];
    for (let count = 0; count < 5; count++) {
      inParts(framer, Buffer.alloc(1000 * KIB, count), (each) => {
        kept.push(each);
        framer.keepMemory();
      });
    }
    for (const [index, message] of kept.entries()) {
      assert(message.equals(Buffer.alloc(1000 * KIB, index)), `message ${index}`);
    }
  });

  test('memory that a program has transferred is not used again', () => {
    drain();
    const memory = allocateFramed(1024 * KIB);
    structuredClone(memory.buffer, { transfer: [memory.buffer as ArrayBuffer] });
    releaseFramed(memory);
    assert.equal(takeSpare(1024 * KIB), undefined);
  });

  test('the spare memory is bounded, and a small message takes no large one', () => {
    drain();
    for (let count = 0; count < 100; count++) {
      releaseFramed(allocateFramed(1024 * KIB));
    }
    assert.equal(takeSpare(64 * KIB), undefined);
    let taken = 0;
    for (let memory = takeSpare(512 * KIB); memory !== undefined; memory = takeSpare(512 * KIB)) {
      taken += memory.length;
    }
    assert(taken > 0 && taken <= 4096 * KIB, `${taken} bytes`);
    const memory = allocateFramed(512 * KIB);
    keepFramed(memory.buffer);
    releaseFramed(memory);
    assert.equal(takeSpare(512 * KIB), undefined);
  });

  test('a framer takes no more spare memory than its limit allows', () => {
    drain();
    releaseFramed(allocateFramed(200 * KIB));
    assert.equal(takeSpare(100 * KIB, 150 * KIB), undefined);
    assert.equal(takeSpare(100 * KIB, 200 * KIB)?.length, 200 * KIB);
  });

  test('memory that a program transfers while it is spare is forgotten', async () => {
    drain();
    const released: WeakRef<Buffer>[] = [];
    for (let count = 0; count < 1000; count++) {
      const memory = allocateFramed(32 * KIB);
      released.push(new WeakRef(memory));
      releaseFramed(memory);
      structuredClone(memory.buffer, { transfer: [memory.buffer as ArrayBuffer] });
    }
    // A WeakRef keeps its target until the end of the current job.
    await new Promise((resolve) => setImmediate(resolve));
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    const left = released.filter((each) => each.deref() !== undefined).length;
    assert(left <= 130, `${left} transferred buffers are kept`);
    drain();
  });
});
