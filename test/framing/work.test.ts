/**
 * The work of decoding: the bytes that a framing reads and the bytes that are copied are linear in the received bytes,
 * however a peer fragments them and wherever the program stops. Work is counted, not timed.
 */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type Command,
  commands,
  delimited,
  type Framing,
  fixedSize,
  lengthPrefixed,
  type NumberSize,
} from 'overlapped/framing';
import { Framer } from '../../src/framing/framer.js';

interface Work {
  /** Bytes that a framing read by their index, or searched. */
  looked: number;
  /** Bytes that were copied from buffer to buffer. */
  copied: number;
  /** Calls of `decode`. */
  calls: number;
}

/** A view of bytes that counts the reads through it. */
function counted(bytes: Buffer, work: Work): Buffer {
  return new Proxy(bytes, {
    get(target, name): unknown {
      if (name === 'indexOf') {
        return (needle: number | Buffer, from: number): number => {
          const found = target.indexOf(needle, from);
          work.looked += (found < 0 ? target.length : found + 1) - from;
          return found;
        };
      }
      if (typeof name === 'string' && /^\d+$/.test(name)) {
        work.looked++;
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function counting(framing: Framing<never>, work: Work): Framing<never> {
  return {
    decode(bytes, emit, seenBytes) {
      work.calls++;
      return framing.decode(counted(bytes, work), emit, seenBytes);
    },
    encode: (message) => framing.encode(message),
    ...(framing.frameBytesMax === undefined ? {} : { frameBytesMax: framing.frameBytesMax }),
    ...(framing.bytesNeeded === undefined ? {} : { bytesNeeded: (bytes) => framing.bytesNeeded?.(bytes) as number }),
  };
}

function kept(message: unknown): string {
  if (message instanceof Uint8Array) {
    return Buffer.from(message).toString('latin1');
  }
  const { command, body } = message as Command;
  return `${command} ${Buffer.from(body).toString('latin1')}`;
}

interface Decoded {
  readonly messages: readonly string[];
  readonly error: string | undefined;
  readonly work: Work;
}

/** Decodes bytes in fragments, whose sizes are used cyclically; `emit` stops after each `stopAfter`th message. */
function decodeIn(framing: Framing<never>, bytes: Buffer, sizes: readonly number[], stopAfter: number): Decoded {
  const work = { looked: 0, copied: 0, calls: 0 };
  const framer = new Framer(counting(framing, work));
  const messages: string[] = [];
  const emit = (message: unknown): boolean => {
    messages.push(kept(message));
    return stopAfter === 0 || messages.length % stopAfter !== 0;
  };
  const { copy } = Buffer.prototype;
  Buffer.prototype.copy = function (this: Buffer, ...args: Parameters<typeof copy>): number {
    const byteLength = copy.apply(this, args);
    work.copied += byteLength;
    return byteLength;
  };
  let error: string | undefined;
  try {
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const size = sizes[turn % sizes.length] as number;
      framer.push(bytes.subarray(at, at + size), emit);
      at += size;
      while (framer.stopped) {
        framer.proceed(emit);
      }
    }
  } catch (thrown) {
    ({ code: error } = thrown as { code: string });
  } finally {
    Buffer.prototype.copy = copy;
  }
  return { messages, error, work };
}

/** Bytes appended, moved as memory grows, and moved as it is consumed: each is a geometric series. */
const COPIES_MAX = 6;
/** Bytes of a header, which are looked at again in each call. */
const HEADER_BYTES_MAX = 8;

function checkWork({ work }: Decoded, byteLength: number, overlapBytes: number): void {
  const lookedMax = 2 * byteLength + work.calls * (HEADER_BYTES_MAX + overlapBytes);
  assert(work.looked <= lookedMax, `looked at ${work.looked} bytes of ${byteLength} in ${work.calls} calls`);
  const copiedMax = COPIES_MAX * byteLength;
  assert(work.copied <= copiedMax, `copied ${work.copied} bytes of ${byteLength} in ${work.calls} calls`);
}

const BYTES = 12_000;

interface Subject {
  readonly framing: Framing<never>;
  /** Special bytes of the input, besides any other. */
  readonly likely: readonly number[];
  /** Bytes that a search may read twice. */
  readonly overlapBytes: number;
}

const delimiterOf = fc.constantFrom('\n', '\r\n', '\r\n\r\n', 'aab', `${'a'.repeat(30)}b`);

const subjects: fc.Arbitrary<Subject> = fc.oneof(
  delimiterOf.map((delimiter) => ({
    framing: delimited({ delimiter, messageBytesMax: 2 * BYTES }) as Framing<never>,
    likely: [...Buffer.from(delimiter)],
    overlapBytes: delimiter.length,
  })),
  fc.constantFrom<NumberSize>(1, 2, 4, 'varint').map((lengthSize) => ({
    framing: lengthPrefixed({ lengthSize }) as Framing<never>,
    likely: [0, 1, 0x80],
    overlapBytes: 0,
  })),
  fc.record({ lengthSize: fc.constantFrom(1, 2, 4), commandSize: fc.constantFrom(1, 2, 4) }).map((options) => ({
    framing: commands(options as object) as unknown as Framing<never>,
    likely: [0, 0, 1],
    overlapBytes: 0,
  })),
  fc.integer({ min: 1, max: BYTES }).map((size) => ({
    framing: fixedSize(size) as Framing<never>,
    likely: [],
    overlapBytes: 0,
  })),
);

/** One byte again and again, bytes that matter to the framing, or any bytes. */
const inputOf = (likely: readonly number[]): fc.Arbitrary<Buffer> => {
  const byte = fc.oneof(fc.constantFrom(...likely, 0), fc.integer({ min: 0, max: 255 }));
  const length = fc.constantFrom(300, BYTES);
  return fc
    .oneof(
      byte.map((value) => [value]),
      fc.array(fc.constantFrom(...likely, 0), { minLength: 1, maxLength: 8 }),
      fc.array(byte, { minLength: 1, maxLength: 400 }),
    )
    .chain((pattern) => length.map((bytes) => Buffer.alloc(bytes, Buffer.from(pattern))));
};

const fragments = fc.oneof(
  fc.constant([1]),
  fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 10 }),
  fc.array(fc.constantFrom(1, 2, 700, 5000), { minLength: 1, maxLength: 10 }),
);

describe('The work of decoding', () => {
  test('any fragments and stops give the same messages as one piece, with linear work', () => {
    const cases = subjects.chain((subject) =>
      fc.record({ subject: fc.constant(subject), bytes: inputOf(subject.likely) }),
    );
    fc.assert(
      fc.property(cases, fragments, fc.integer({ min: 0, max: 3 }), ({ subject, bytes }, sizes, stopAfter) => {
        const { framing, overlapBytes } = subject;
        const whole = decodeIn(framing, bytes, [bytes.length], 0);
        const pieces = decodeIn(framing, bytes, sizes, stopAfter);
        checkWork(whole, bytes.length, overlapBytes);
        checkWork(pieces, bytes.length, overlapBytes);
        assert.deepEqual(pieces.messages, whole.messages);
        assert.equal(pieces.error, whole.error);
      }),
      { numRuns: 300 },
    );
  });

  const single = [1];
  test('"\\r\\r\\r…" one byte at a time takes linear work with a delimiter of two bytes', () => {
    const bytes = Buffer.alloc(60_000, '\r');
    const framing = delimited({ delimiter: '\r\n' }) as Framing<never>;
    checkWork(decodeIn(framing, bytes, single, 0), bytes.length, 2);
  });

  test('an endless line one byte at a time takes linear work with a delimiter of one byte', () => {
    const bytes = Buffer.alloc(60_000, 'x');
    checkWork(decodeIn(delimited() as Framing<never>, bytes, single, 0), bytes.length, 1);
  });

  test('a large message one byte at a time is copied only a few times', () => {
    const framing = lengthPrefixed() as Framing<never>;
    const bytes = Buffer.concat([Buffer.from([0, 1, 0, 0]), Buffer.alloc(65_536)]);
    const decoded = decodeIn(framing, bytes, single, 0);
    assert.equal(decoded.messages.length, 1);
    checkWork(decoded, bytes.length, 0);
  });

  const LARGE_BYTES = 16 * 1024 * 1024;
  const PIECE_BYTES = 64 * 1024;
  const body = Buffer.alloc(LARGE_BYTES, 'x');
  const large: Readonly<Record<string, Framing<never>>> = {
    lengthPrefixed: lengthPrefixed({ messageBytesMax: LARGE_BYTES }) as Framing<never>,
    'lengthPrefixed with varint': lengthPrefixed({
      lengthSize: 'varint',
      messageBytesMax: LARGE_BYTES,
    }) as Framing<never>,
    commands: commands({ lengthSize: 4, bodyBytesMax: LARGE_BYTES }) as unknown as Framing<never>,
    fixedSize: fixedSize(LARGE_BYTES) as Framing<never>,
  };
  for (const [name, framing] of Object.entries(large)) {
    test(`${name}: a message of 16 MiB in pieces of 64 KiB takes two calls of decode`, () => {
      const message = name === 'commands' ? { command: 1, body } : body;
      const bytes = Buffer.concat([framing.encode(message as never)].flat() as Buffer[]);
      const decoded = decodeIn(framing, bytes, [PIECE_BYTES], 0);
      assert.equal(decoded.error, undefined);
      assert.equal(decoded.messages.length, 1);
      assert.equal(decoded.work.calls, 2);
    });
  }

  test('a message that arrives byte by byte takes three calls of decode: its first byte, its length, all of it', () => {
    const message = Buffer.alloc(1000, 'x');
    for (const [lengthSize, calls] of [
      [4, 3],
      ['varint', 3],
    ] as const) {
      const framing = lengthPrefixed({ lengthSize }) as Framing<never>;
      const bytes = Buffer.concat([framing.encode(message as never)].flat() as Buffer[]);
      const decoded = decodeIn(framing, bytes, [1], 0);
      assert.equal(decoded.messages.length, 1);
      assert.equal(decoded.work.calls, calls, String(lengthSize));
    }
  });

  test('many small messages in one chunk, with a stop after each, are copied only a few times', () => {
    const bytes = Buffer.alloc(60_000, 'x\n');
    const decoded = decodeIn(delimited() as Framing<never>, bytes, [60_000], 1);
    assert.equal(decoded.messages.length, 30_000);
    checkWork(decoded, bytes.length, 1);
  });
});
