/** Memory of receives and sends: slabs, pool buffers, copies. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { addressOfBytes } from '../../src/ffi/library.js';
import { Slab } from '../../src/ffi/memory.js';
import { undetachable } from '../../src/ffi/undetachable.js';
import { BufferPool } from '../../src/port/buffer-pool.js';
import { checkOptions } from '../../src/port/options.js';
import { Child, programPath } from '../support/child.js';
import { lackOf } from '../support/system.js';

const needsShell = { skip: lackOf('shell') };

describe('slabs', () => {
  test('have the requested size, are aligned and zeroed, and know their address', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.constantFrom(8, 16, 64, 4096), (byteLength, alignment) => {
        const slab = new Slab(byteLength, alignment);
        assert.equal(slab.byteLength, Math.ceil(byteLength / 8) * 8);
        assert.equal(slab.address % alignment, 0);
        assert.equal(slab.u8.byteLength, slab.byteLength);
        assert.equal(
          slab.u8.every((byte) => byte === 0),
          true,
        );
        assert.equal(addressOfBytes(slab.u8), slab.address);
      }),
    );
  });

  test('may be larger than 32 bits can count', () => {
    // Memory of this size is only reserved by the system until it is touched.
    for (const byteLength of [2 ** 31, 2 ** 31 + 8, 2 ** 32 - 8]) {
      assert.equal(new Slab(byteLength).byteLength, byteLength);
    }
  });

  test('can store addresses above 32 bits', () => {
    const slab = new Slab(16);
    slab.setAddress(8, 0x7fff_1234_5678);
    assert.deepEqual([...slab.u32.slice(2, 4)], [0x1234_5678, 0x7fff]);
  });
});

describe('the address of bytes', () => {
  test('is that of their first byte, at any offset', () => {
    const memory = new ArrayBuffer(4096);
    const start = addressOfBytes(new Uint8Array(memory));
    fc.assert(
      fc.property(fc.nat(4000), fc.nat(90), (offset, length) => {
        assert.equal(addressOfBytes(new Uint8Array(memory, offset, length)), start + offset);
      }),
    );
    const shared = new SharedArrayBuffer(4096);
    const sharedStart = addressOfBytes(new Uint8Array(shared));
    assert.ok(sharedStart > 0);
    assert.equal(addressOfBytes(new Uint8Array(shared, 123, 7)), sharedStart + 123);
  });
});

describe('the buffer pool', () => {
  test('finds the buffer of any view of it, and none for other memory', () => {
    const pool = new BufferPool(8, 256, false);
    const buffers = Array.from({ length: 8 }, (_, index) => pool.lend(index));
    fc.assert(
      fc.property(fc.nat(7), fc.nat(255), fc.nat(256), (index, offset, length) => {
        const bytes = (buffers[index] as (typeof buffers)[0]).view(Math.min(length, 256 - offset), offset);
        assert.equal(pool.bufferOf(bytes), bytes.byteLength === 0 ? undefined : buffers[index]);
      }),
    );
    assert.equal(pool.bufferOf(new Uint8Array(100)), undefined);
    assert.equal(pool.bufferOf(Buffer.from('x')), undefined);
  });

  test('views stay inside their buffer', () => {
    const buffer = new BufferPool(2, 64, false).lend(0);
    for (const [length, offset] of [
      [65, 0],
      [1, 64],
      [-1, 0],
      [1, -1],
    ] as const) {
      assert.throws(() => buffer.view(length, offset));
    }
  });

  test('a buffer returns to the pool once, at the last release', () => {
    const pool = new BufferPool(2, 64, false);
    const given: number[] = [];
    pool.returnTo({ bufferReturned: (index) => given.push(index) });
    const buffer = pool.lend(1);
    assert.equal(pool.lent, 1);
    buffer.retain();
    buffer.release();
    assert.deepEqual([given, pool.lent], [[], 1]);
    buffer.release();
    assert.deepEqual([given, pool.lent], [[1], 0]);
    assert.throws(() => buffer.release());
  });
});

describe('memory that cannot be detached', () => {
  test('has at least the requested size, up to the largest pool', () => {
    for (const byteLength of [1, 65_536, 65_537, 2 ** 31 + 8192]) {
      const memory = undetachable(byteLength);
      assert.ok(memory.byteLength >= byteLength);
      assert.equal(new Uint8Array(memory, byteLength - 1, 1)[0], 0);
    }
  });

  test('is ordinary memory if WebAssembly is missing, and programs still work', needsShell, async () => {
    const limited = { before: ['sh', '-c', 'ulimit -v 8000000; exec "$@"', 'sh'] };
    for (const [options, kinds] of [
      [{ nodeOptions: ['--jitless'] }, /^\[object SharedArrayBuffer\] 8 received\n$/],
      // Node 26 makes such a memory without reserving addresses for it.
      [limited, /^\[object (Shared)?ArrayBuffer\] 8 received\n$/],
    ] as const) {
      const { exitCode, stdout, stderr } = await new Child(programPath('pool-memory'), [], options).ended;
      assert.equal(exitCode, 0, stderr);
      assert.match(stdout, kinds);
    }
  });

  test('that cannot be allocated is a clear error', needsShell, async () => {
    const limited = { before: ['sh', '-c', 'ulimit -v 8000000; exec "$@"', 'sh'] };
    const { stdout, stderr } = await new Child(programPath('pool-too-large'), [], limited).ended;
    assert.equal(stdout, 'ENOMEM\n', stderr);
  });
});

describe('options', () => {
  test('have defaults', () => {
    assert.deepEqual(checkOptions({}), {
      driver: 'auto',
      bufferCount: 1024,
      bufferSizeBytes: 65536,
      operationsMax: 2 ** 20,
      submissionEntries: 4096,
      poisonReleasedBuffers: false,
      disabledFeatures: [],
    });
  });

  test('are accepted at both ends of their ranges', () => {
    checkOptions({ bufferCount: 1, bufferSizeBytes: 64, operationsMax: 256, submissionEntries: 8 });
    checkOptions({ bufferCount: 32768, bufferSizeBytes: 65536, operationsMax: 2 ** 24, submissionEntries: 32768 });
    checkOptions({ bufferCount: 2048, bufferSizeBytes: 2 ** 20 });
  });

  test('that make a pool of more than 2 GiB are rejected', () => {
    assert.throws(() => checkOptions({ bufferCount: 32768, bufferSizeBytes: 65600 }), {
      code: 'ERR_OUT_OF_RANGE',
      message: /2147483648/,
    });
  });
});
