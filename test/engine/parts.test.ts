/** Parts of the engine by themselves: the timer wheel, memory of writes, networks of addresses, the order of a race. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { connect, Engine, listen } from 'overlapped';
import type { SocketAddress } from '../../src/base/address.js';
import { systemClock } from '../../src/base/clock.js';
import { interleaved } from '../../src/engine/client/happy-eyeballs.js';
import { RoundList } from '../../src/engine/scheduling/round-list.js';
import { Alarm, NEVER, TICK_MS, TimerWheel, tickAfter, ticksOf } from '../../src/engine/scheduling/timer-wheel.js';
import { networkOf } from '../../src/engine/server/address-counts.js';
import { BLOCK_BYTES, WriteArena } from '../../src/port/sending/write-arena.js';
import { collectingUncaught } from '../support/uncaught.js';

/** A clock that the test moves. */
class HandClock {
  ms = 1_000_003;
  readonly passes = false;
  now = (): number => this.ms;
  setTimer = systemClock.setTimer;
}

const DAY_MS = 86_400_000;

/** Moments and little whiles, and now and then a part of a year or more. */
const passed = fc.oneof(
  { weight: 10, arbitrary: fc.oneof(fc.nat(200), fc.nat(80_000)) },
  { weight: 1, arbitrary: fc.integer({ min: 90 * DAY_MS, max: 900 * DAY_MS }) },
);

/** Actions on a wheel with a few alarms. */
const wheelSteps = fc.array(
  fc.oneof(
    fc.record({ what: fc.constant('set' as const), alarm: fc.nat(7), ms: fc.nat(100_000) }),
    fc.record({ what: fc.constant('remove' as const), alarm: fc.nat(7), ms: fc.constant(0) }),
    fc.record({ what: fc.constant('pass' as const), alarm: fc.constant(0), ms: passed }),
  ),
  { maxLength: 60 },
);

describe('the timer wheel', () => {
  test('each alarm rings once, never early, and at the first check after its time', () => {
    fc.assert(
      fc.property(wheelSteps, (steps) => {
        const clock = new HandClock();
        const wheel = new TimerWheel(clock);
        const due = new Map<number, number>();
        const rung: number[] = [];
        const alarms = Array.from({ length: 8 }, (_, index) => new Alarm(() => rung.push(index)));
        for (const { what, alarm, ms } of steps) {
          if (what === 'set') {
            wheel.look();
            wheel.set(alarms[alarm] as Alarm, tickAfter(wheel.tick, ticksOf(ms)));
            due.set(alarm, ms === 0 ? Infinity : clock.ms + ms);
          } else if (what === 'remove') {
            wheel.remove(alarms[alarm] as Alarm);
            due.delete(alarm);
          } else {
            clock.ms += ms;
            wheel.advance();
            for (const index of rung.splice(0)) {
              assert((due.get(index) ?? Infinity) <= clock.ms, 'never early, and only what is set');
              due.delete(index);
            }
            for (const at of due.values()) {
              assert(at > clock.ms - 2 * TICK_MS, `late by ${clock.ms - at} ms`);
              assert(at === Infinity || wheel.dueAt <= at + 2 * TICK_MS, 'the next look comes in time');
            }
          }
          assert.equal(wheel.count, due.size);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('an alarm may set itself again, and others, while it rings', () => {
    const clock = new HandClock();
    const wheel = new TimerWheel(clock);
    let rings = 0;
    const again: Alarm = new Alarm(() => {
      rings++;
      wheel.set(again, wheel.tick);
    });
    wheel.set(again, 1);
    for (let round = 0; round < 5; round++) {
      clock.ms += TICK_MS;
      wheel.advance();
    }
    assert.equal(rings, 5);
    assert.equal(wheel.count, 1);
  });

  test('a wheel that has run for years rings on time, and its ticks stay small integers', () => {
    const clock = new HandClock();
    let moved = 0;
    const wheel = new TimerWheel(clock, (ticks) => {
      moved += ticks;
    });
    let rings = 0;
    const alarm = new Alarm(() => rings++);
    for (let day = 1; day <= 2000; day++) {
      clock.ms += DAY_MS;
      wheel.advance();
      assert.equal(rings, day - 1);
      wheel.look();
      assert.equal(moved + wheel.tick, Math.floor((clock.ms - 1_000_003) / TICK_MS));
      const tick = tickAfter(wheel.tick, ticksOf(1000));
      assert(tick < NEVER, `day ${day}`);
      wheel.set(alarm, tick);
      clock.ms += 900;
      wheel.advance();
      assert.equal(rings, day - 1);
      clock.ms += 100 + 2 * TICK_MS;
      wheel.advance();
      assert.equal(rings, day);
    }
  });

  test('0 and Infinity mean no limit', () => {
    assert.deepEqual([ticksOf(0), ticksOf(Infinity), tickAfter(5, NEVER)], [NEVER, NEVER, NEVER]);
    assert(ticksOf(1) * TICK_MS > 1);
  });
});

test('a throwing entry does not affect the other entries of its round', () =>
  collectingUncaught(async (uncaught) => {
    const list = new RoundList<{ readonly name: string }>();
    const seen: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      list.push({ name });
    }
    const act = ({ name }: { readonly name: string }): void => {
      seen.push(name);
      if (name !== 'c') {
        list.push({ name: 'c' });
        throw new Error(name);
      }
    };
    list.drain(act);
    assert.deepEqual([seen, list.length], [['a', 'b', 'c'], 2]);
    list.drain(act);
    assert.deepEqual([seen.length, list.length], [5, 0]);
    await undefined;
    assert.deepEqual(
      uncaught.map((error) => (error as Error).message),
      ['a', 'b'],
    );
  }));

describe('the memory of writes', () => {
  test('blocks are allocated and freed, and never overlap', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(99), { maxLength: 300 }), (choices) => {
        const chunks = new WriteArena();
        const held = new Map<number, ReturnType<WriteArena['take']>>();
        for (const choice of choices) {
          const taken = [...held.keys()];
          if (choice < 60 || taken.length === 0) {
            const chunk = chunks.take();
            assert(!held.has(chunk.address));
            assert.equal(chunk.memory.byteLength, BLOCK_BYTES);
            held.set(chunk.address, chunk);
          } else {
            const address = taken[choice % taken.length] as number;
            held.get(address)?.release();
            held.delete(address);
          }
          assert.equal(chunks.blocksInUse, held.size);
        }
      }),
      { numRuns: 100 },
    );
  });
});

/** Texts and bytes around the sizes at which they are treated differently. */
const written = fc.array(
  fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.uint8Array({ maxLength: 60 }),
    fc
      .constantFrom(1023, 1024, 1025, 4095, 4096, 4097, 300_000)
      .map((length) => new Uint8Array(length).fill(length & 255)),
    fc.constantFrom('é'.repeat(1365), 'é'.repeat(1366), 'x'.repeat(1366), '€'.repeat(5000), '\ud800'),
  ),
  { maxLength: 300 },
);

test('any sequence of writes is sent as the same bytes in the same order', { timeout: 60_000 }, async () => {
  const engine = new Engine();
  const chunks: Buffer[] = [];
  let ended = (): void => undefined;
  const server = await listen({
    engine,
    host: '127.0.0.1',
    port: 0,
    data: (_, chunk) => chunks.push(Buffer.from(chunk)),
    close: () => ended(),
  });
  const { port } = server.address as { port: number };
  await fc.assert(
    fc.asyncProperty(written, fc.nat(5), async (pieces, breaks) => {
      chunks.length = 0;
      const end = new Promise<void>((resolve) => {
        ended = resolve;
      });
      const client = await connect({ engine, host: '127.0.0.1', port, limits: { queuedBytesMax: Infinity } });
      for (const [index, piece] of pieces.entries()) {
        client.write(piece);
        if (breaks > 0 && index % (breaks * 10) === 9) {
          await new Promise(setImmediate);
        }
      }
      client.end();
      await end;
      const expected = Buffer.concat(pieces.map((piece) => Buffer.from(piece as string)));
      assert(Buffer.concat(chunks).equals(expected));
    }),
    { numRuns: 60 },
  );
  await server.close();
  engine.close();
});

describe('the network of an address', () => {
  test('an IPv6 address counts by its first 64 bits, in any spelling', () => {
    const same = ['2001:db8::1', '2001:0db8:0:0::ffff', '2001:DB8:0:0:1:2:3:4', '2001:db8::5:6:7:8%eth0'];
    assert.deepEqual([...new Set(same.map(networkOf))], ['2001:db8:0:0']);
    assert.notEqual(networkOf('2001:db8:0:1::1'), networkOf('2001:db8::1'));
    assert.equal(networkOf('::'), '0:0:0:0');
    assert.equal(networkOf('::1'), '0:0:0:0');
    assert.equal(networkOf('1:2:3:4:5:6:7::'), '1:2:3:4');
  });

  test('an IPv4 address counts alone, even if mapped into IPv6', () => {
    assert.equal(networkOf('192.0.2.1'), '192.0.2.1');
    assert.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1');
    assert.equal(networkOf('::FFFF:c000:201'), '192.0.2.1');
    assert.notEqual(networkOf('64:ff9b::192.0.2.1'), '192.0.2.1');
  });

  test('link-local networks of different interfaces count separately', () => {
    assert.equal(networkOf('fe80::1%eth0'), networkOf('fe80::2%eth0'));
    assert.notEqual(networkOf('fe80::1%eth0'), networkOf('fe80::1%eth1'));
  });
});

describe('the order in which addresses are tried', () => {
  const all = (...names: string[]): SocketAddress[] =>
    names.map((name) => ({ family: name.startsWith('6') ? 'ipv6' : 'ipv4', address: name, port: 1 }));

  for (const [given, expected] of [
    ['6a 6b 6c 4a 4b', '6a 4a 6b 4b 6c'],
    ['4a 4b 6a', '4a 6a 4b'],
    ['4a 4b', '4a 4b'],
    ['6a', '6a'],
    ['', ''],
  ] as const) {
    test(`${given || 'none'}: ${expected || 'none'}`, () => {
      const order = interleaved(all(...given.split(' ').filter(Boolean)));
      assert.equal(order.map((address) => (address.family === 'unix' ? '' : address.address)).join(' '), expected);
    });
  }
});
