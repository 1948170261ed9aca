/** Framings: any split of any sequence of messages decodes to the same messages, and garbage ends in an error. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type Command,
  type CommandsOptions,
  commands,
  delimited,
  type Framing,
  FramingError,
  fixedSize,
  type LengthPrefixedOptions,
  lengthPrefixed,
} from 'overlapped/framing';
import { Framer } from '../../src/framing/framer.js';

function encoded<Message>(framing: Framing<Message>, messages: readonly Message[]): Buffer {
  const pieces = messages.flatMap((message) => {
    const result = framing.encode(message);
    return typeof result === 'string' || result instanceof Uint8Array ? [result] : [...result];
  });
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece as Uint8Array)));
}

/** A message copied out of the bytes that it is a view of. */
function kept(message: unknown): unknown {
  if (message instanceof Uint8Array) {
    return Buffer.from(message);
  }
  const { command, body } = message as Command;
  return { command, body: Buffer.from(body) };
}

/** Decodes bytes that come in pieces, stopping after each `stopAfter`th message. */
function decoded(framing: Framing<never>, bytes: Buffer, cuts: readonly number[], stopAfter = 0): unknown[] {
  const framer = new Framer(framing);
  const messages: unknown[] = [];
  const emit = (message: unknown): boolean => {
    messages.push(kept(message));
    return stopAfter === 0 || messages.length % stopAfter !== 0;
  };
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  for (let index = 1; index < edges.length; index++) {
    // A copy that is overwritten after the call, as a receive buffer is.
    const piece = Buffer.from(bytes.subarray(edges[index - 1], edges[index]));
    framer.push(piece, emit);
    while (framer.stopped) {
      framer.proceed(emit);
    }
    piece.fill(0xdd);
  }
  assert.equal(framer.pendingBytes, 0, 'nothing is left of whole messages');
  return messages;
}

const body = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const cuts = fc.array(fc.nat(), { maxLength: 40 });
const stops = fc.integer({ min: 0, max: 3 });

const lengthOptions: fc.Arbitrary<LengthPrefixedOptions> = fc.oneof(
  fc.record({
    lengthSize: fc.constantFrom(2, 4),
    order: fc.constantFrom('big', 'little'),
    countsHeader: fc.boolean(),
  }),
  fc.constant({ lengthSize: 'varint' }),
);

const commandOptions: fc.Arbitrary<CommandsOptions> = fc.record({
  lengthSize: fc.constantFrom(2, 4),
  commandSize: fc.constantFrom(1, 2, 4),
  order: fc.constantFrom('big', 'little'),
  first: fc.constantFrom('length', 'command'),
  counts: fc.constantFrom('body', 'command', 'message'),
});

describe('Framing', () => {
  test('length-prefixed messages are decoded, wherever their bytes are split', () => {
    fc.assert(
      fc.property(
        lengthOptions,
        fc.array(body, { maxLength: 12 }),
        cuts,
        stops,
        (options, messages, where, stopAfter) => {
          const framing = lengthPrefixed(options);
          const bytes = encoded(framing, messages);
          assert.deepEqual(decoded(framing as Framing<never>, bytes, where, stopAfter), messages);
        },
      ),
    );
  });

  test('messages with one length byte are decoded, wherever their bytes are split', () => {
    const short = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.array(short, { maxLength: 12 }), cuts, (messages, where) => {
        const framing = lengthPrefixed({ lengthSize: 1 });
        assert.deepEqual(decoded(framing as Framing<never>, encoded(framing, messages), where), messages);
      }),
    );
  });

  test('commands are decoded, wherever their bytes are split', () => {
    const message = fc.record({ command: fc.integer({ min: 0, max: 255 }), body }, { noNullPrototype: true });
    fc.assert(
      fc.property(
        commandOptions,
        fc.array(message, { maxLength: 12 }),
        cuts,
        stops,
        (options, messages, where, stopAfter) => {
          const framing = commands(options);
          const bytes = encoded<Command>(framing, messages);
          assert.deepEqual(decoded(framing as unknown as Framing<never>, bytes, where, stopAfter), messages);
        },
      ),
    );
  });

  test('delimited messages are decoded, wherever their bytes are split, even inside the delimiter', () => {
    const delimiters = fc.constantFrom('\n', '\r\n', 'END', '\0\0\0');
    fc.assert(
      fc.property(delimiters, fc.array(body, { maxLength: 12 }), cuts, stops, (delimiter, bodies, where, stopAfter) => {
        const framing = delimited({ delimiter });
        // A message must not contain the delimiter, nor end in a part of it that the next bytes complete.
        const messages = bodies.filter(
          (bytes) => Buffer.concat([bytes, Buffer.from(delimiter)]).indexOf(delimiter) === bytes.length,
        );
        const bytes = encoded(framing, messages);
        assert.deepEqual(decoded(framing as Framing<never>, bytes, where, stopAfter), messages);
      }),
    );
  });

  test('messages of one size are decoded, wherever their bytes are split', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 0, max: 12 }),
        cuts,
        stops,
        (size, count, where, stopAfter) => {
          const messages = Array.from({ length: count }, (_, index) => Buffer.alloc(size, index + 1));
          const framing = fixedSize(size);
          assert.deepEqual(decoded(framing as Framing<never>, encoded(framing, messages), where, stopAfter), messages);
        },
      ),
    );
  });

  test('garbage causes an error or messages within the limits, and never more memory than the limits allow', () => {
    const framings: fc.Arbitrary<Framing<never>> = fc.oneof(
      lengthOptions.map((options) => lengthPrefixed({ ...options, messageBytesMax: 500 }) as Framing<never>),
      commandOptions.map((options) => commands({ ...options, bodyBytesMax: 500 }) as unknown as Framing<never>),
      fc
        .constantFrom('\n', '\r\n')
        .map((delimiter) => delimited({ delimiter, messageBytesMax: 500 }) as Framing<never>),
      fc.constant(fixedSize(500) as Framing<never>),
    );
    const pieces = fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 20 });
    fc.assert(
      fc.property(framings, pieces, (framing, garbage) => {
        const framer = new Framer(framing);
        try {
          for (const piece of garbage) {
            framer.push(Buffer.from(piece), (message: Uint8Array | Command) => {
              const bytes = message instanceof Uint8Array ? message : message.body;
              assert.ok(bytes.byteLength <= 500);
              return true;
            });
            assert.ok(framer.pendingBytes <= (framing.frameBytesMax as number));
          }
        } catch (error) {
          assert.ok(error instanceof FramingError, `${error}`);
          assert.match(error.code, /^ERR_FRAME_(TOO_LARGE|INVALID)$/);
        }
      }),
    );
  });

  test('a framing that is one object with two functions has a limit too', () => {
    const framing: Framing<string> = { decode: () => 0, encode: (message) => message };
    const framer = new Framer(framing);
    const piece = Buffer.alloc(4 * 1024 * 1024);
    assert.throws(
      () => {
        for (let count = 0; count < 5; count++) {
          framer.push(piece, () => true);
        }
      },
      { code: 'ERR_FRAME_TOO_LARGE' },
    );
  });

  test('a framing that consumes more than it got, or emits after a stop, fails an assertion', () => {
    const greedy: Framing = { decode: (bytes) => bytes.length + 1, encode: (message) => message };
    assert.throws(() => new Framer(greedy).push(Buffer.from('x'), () => true), /took more bytes/);
    const deaf: Framing = {
      decode: (bytes, emit) => {
        emit(bytes);
        emit(bytes);
        return bytes.length;
      },
      encode: (message) => message,
    };
    assert.throws(() => new Framer(deaf).push(Buffer.from('x'), () => false), /after emit had returned false/);
  });

  /** Each message is one letter and a full stop; `needed` is what `bytesNeeded` claims. */
  function claiming(needed: unknown): { readonly framing: Framing<string>; readonly seen: string[] } {
    const seen: string[] = [];
    const framing: Framing<string> = {
      decode(bytes, emit) {
        const text = String(bytes);
        seen.push(text);
        const end = text.indexOf('.') + 1;
        if (end > 0) {
          emit(text.slice(0, end));
        }
        return end;
      },
      bytesNeeded: () => needed as number,
      encode: (message) => message,
      frameBytesMax: 8,
    };
    return { framing, seen };
  }

  test('decode waits for the bytes that its framing needs, and is told what it has seen', () => {
    const { framing, seen } = claiming(4);
    const framer = new Framer(framing);
    const messages: string[] = [];
    const emit = (message: string): boolean => messages.push(message) > 0;
    for (const piece of ['a', 'b', 'c', '.', 'd.']) {
      framer.push(Buffer.from(piece), emit);
    }
    assert.deepEqual(seen, ['a', 'abc.', 'd.']);
    assert.deepEqual(messages, ['abc.', 'd.']);
    assert.equal(framer.pendingBytes, 0);
  });

  test('a framing that needs too few bytes is called with each piece', () => {
    for (const needed of [0, 1, undefined]) {
      const { framing, seen } = claiming(needed);
      const framer = new Framer(framing);
      for (const piece of ['a', 'b', '.']) {
        framer.push(Buffer.from(piece), () => true);
      }
      assert.deepEqual(seen, ['a', 'ab', 'ab.'], String(needed));
    }
  });

  test('a framing that claims to need more than a complete message has is called again by proceed', () => {
    const { framing, seen } = claiming(8);
    const framer = new Framer(framing);
    const messages: string[] = [];
    const emit = (message: string): boolean => messages.push(message) > 0;
    framer.push(Buffer.from('a'), emit);
    assert(!framer.hasUnseenBytes);
    framer.push(Buffer.from('b.'), emit);
    assert(framer.hasUnseenBytes);
    assert.equal(framer.proceed(emit), true);
    assert(!framer.hasUnseenBytes);
    assert.deepEqual(seen, ['a', 'ab.']);
    assert.deepEqual(messages, ['ab.']);
  });

  test('the number of bytes that a framing needs is held to the limit, and is a whole number', () => {
    const tooMuch = new Framer(claiming(9).framing);
    assert.throws(() => tooMuch.push(Buffer.from('a'), () => true), { code: 'ERR_FRAME_TOO_LARGE' });
    for (const needed of [-1, 1.5, Number.NaN, Infinity, '4']) {
      const framer = new Framer(claiming(needed).framing);
      assert.throws(() => framer.push(Buffer.from('a'), () => true), /needs less|how many bytes it needs/);
    }
  });

  test('errors about options and messages name the allowed range', () => {
    assert.throws(() => lengthPrefixed({ lengthSize: 3 as 4 }), {
      code: 'ERR_INVALID_ARG_VALUE',
      message: /1, 2, 4 or 'varint', got 3/,
    });
    assert.throws(() => lengthPrefixed({ lengthSize: 'varint', countsHeader: true }), {
      code: 'ERR_INVALID_ARG_VALUE',
    });
    assert.throws(() => lengthPrefixed({ lengthSize: 1, messageBytesMax: 256 }), { message: /from 1 to 255, got 256/ });
    assert.throws(() => lengthPrefixed({ lengthSize: 1 }).encode(Buffer.alloc(256)), { code: 'ERR_FRAME_TOO_LARGE' });
    assert.throws(() => fixedSize(0), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => fixedSize(4).encode(Buffer.alloc(3)), { code: 'ERR_FRAME_INVALID' });
    assert.throws(() => delimited({ delimiter: '' }), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => delimited().encode('two\nlines'), { code: 'ERR_FRAME_INVALID' });
    assert.throws(() => commands({ commandSize: 1 }).encode({ command: 256, body: Buffer.alloc(0) }), {
      code: 'ERR_OUT_OF_RANGE',
    });
  });

  test('a length smaller than itself and a padded number are invalid', () => {
    const push = (framing: Framing, bytes: number[]) => () => new Framer(framing).push(Buffer.from(bytes), () => true);
    assert.throws(push(lengthPrefixed({ countsHeader: true }), [0, 0, 0, 3]), { code: 'ERR_FRAME_INVALID' });
    assert.throws(push(lengthPrefixed({ lengthSize: 'varint' }), [0x80, 0]), { code: 'ERR_FRAME_INVALID' });
    assert.throws(push(lengthPrefixed({ lengthSize: 'varint' }), [0xff, 0xff, 0xff, 0xff, 0xff, 1]), {
      code: 'ERR_FRAME_INVALID',
    });
    assert.throws(push(lengthPrefixed({ messageBytesMax: 10 }), [0, 0, 0, 11]), { code: 'ERR_FRAME_TOO_LARGE' });
  });
});
