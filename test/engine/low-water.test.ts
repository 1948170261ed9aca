/** Receive low-water marks on virtual time: what they hold back for how long, and time limits meanwhile. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Connection, ListenOptions, Server } from 'overlapped';
import { lengthPrefixed } from 'overlapped/framing';
import { countingBytes } from '../support/harness.js';
import { onVirtualStage, type VirtualStage } from '../support/virtual-stage.js';

const MIB = 1024 * 1024;
const framing = lengthPrefixed({ messageBytesMax: 16 * MIB });

const BUFFERS = { sendBufferBytes: 4 * MIB, receiveBufferBytes: 4 * MIB };

/** The beginning of a message of `messageBytes`. */
function beginning(messageBytes: number, byteLength: number): Buffer {
  const bytes = Buffer.alloc(4 + byteLength);
  bytes.writeUInt32BE(messageBytes);
  return bytes;
}

interface Closed {
  readonly reason: string;
  readonly afterMs: number;
}

interface Watched {
  readonly server: Server;
  readonly client: Connection;
  /** How the server's connection was closed, and when. */
  readonly closes: Closed[];
  /** Sizes of messages or chunks, and when they came. */
  readonly received: { readonly byteLength: number; readonly atMs: number }[];
}

async function watched(stage: VirtualStage, options: Partial<ListenOptions>): Promise<Watched> {
  const began = stage.network.now();
  const closes: Watched['closes'] = [];
  const received: Watched['received'] = [];
  const keep = (_: unknown, bytes: unknown): void => {
    received.push({ byteLength: (bytes as Buffer).length, atMs: stage.network.now() });
  };
  const server = await stage.listen({
    ...BUFFERS,
    ...(options.framing === undefined ? { data: keep } : { message: keep }),
    close: (_, reason) => closes.push({ reason, afterMs: stage.network.now() - began }),
    error: () => undefined,
    ...options,
  });
  const client = await stage.connect(server, { ...BUFFERS, data: () => undefined });
  return { server, client, closes, received };
}

/** Writes a byte now and then. */
async function trickle(stage: VirtualStage, client: Connection, everyMs: number, times: number): Promise<void> {
  for (let count = 0; count < times; count++) {
    stage.soon(() => client.write('x'));
    await stage.pass(everyMs);
  }
}

describe('receive low-water marks', () => {
  test('a peer that sends below the mark is not idle, and a dead one is', () =>
    onVirtualStage({}, async (stage) => {
      for (const idleMs of [40, 100, 300]) {
        const { client, closes } = await watched(stage, { framing, timeouts: { idleMs } });
        stage.soon(() => client.write(beginning(10 * MIB, 200_000)));
        await trickle(stage, client, 30, 100);
        assert.equal(closes.length, 0, `idle after ${idleMs} ms`);
        const at = stage.network.now();
        await stage.pass(10 * idleMs + 500);
        assert.equal(closes[0]?.reason, 'idle_timeout');
        assert(stage.network.now() - at >= idleMs);
      }
    }));

  test('a dead peer is closed about as soon as without a mark', () =>
    onVirtualStage({}, async (stage) => {
      const times: number[] = [];
      for (const receiveLowWaterBytesMax of [1, 524_288]) {
        const { client, closes } = await watched(stage, {
          framing,
          timeouts: { idleMs: 1000 },
          limits: { receiveLowWaterBytesMax },
        });
        stage.soon(() => client.write(beginning(10 * MIB, 20_000)));
        await stage.pass(3000);
        assert.equal(closes[0]?.reason, 'idle_timeout');
        times.push(closes[0]?.afterMs as number);
      }
      const [without, under] = times as [number, number];
      assert(under - without < 200, `${under} ms, and ${without} ms without a mark`);
    }));

  test('a peer that sends a byte a second does not escape the time limit of messages', () =>
    onVirtualStage({}, async (stage) => {
      const times: number[] = [];
      for (const receiveLowWaterBytesMax of [1, 524_288]) {
        const { client, closes } = await watched(stage, {
          framing,
          timeouts: { messageMs: 5000, idleMs: 4000 },
          limits: { receiveLowWaterBytesMax },
        });
        stage.soon(() => client.write(beginning(10 * MIB, 200_000)));
        await trickle(stage, client, 1000, 8);
        assert.equal(closes[0]?.reason, 'message_timeout');
        times.push(closes[0]?.afterMs as number);
      }
      const [without, under] = times as [number, number];
      assert(Math.abs(under - without) < 100, `${under} ms, and ${without} ms without a mark`);
    }));

  test('bytes below a mark are a sign of life, and silence is not', () =>
    onVirtualStage({}, async (stage) => {
      let pings = 0;
      const ping = (): Buffer => {
        pings++;
        return Buffer.from('ping');
      };
      const { client, closes } = await watched(stage, {
        framing,
        heartbeat: { intervalMs: 100, missedMax: 2, ping },
      } as Partial<ListenOptions>);
      stage.soon(() => client.write(beginning(10 * MIB, 200_000)));
      await trickle(stage, client, 30, 60);
      assert.deepEqual([pings, closes], [0, []]);
      await stage.pass(2000);
      assert.deepEqual([pings, closes[0]?.reason], [2, 'heartbeat']);
    }));

  test('the last bytes of a fast stream wait for a millisecond or two', () =>
    onVirtualStage({}, async (stage) => {
      const { server, client, received } = await watched(stage, {});
      let bytes = 0;
      const total = (): number => received.reduce((sum, { byteLength }) => sum + byteLength, 0);
      for (let burst = 0; burst < 3; burst++) {
        stage.soon(() => client.write(countingBytes(3 * MIB)));
        bytes += 3 * MIB;
        // The burst goes through the pool's few buffers at one moment of virtual time.
        await stage.pass(0.5);
        let sentAt = 0;
        await new Promise<void>((resolve) =>
          stage.network.clock.setTimer(() => {
            sentAt = stage.network.now();
            client.write('the end');
            resolve();
          }, 0),
        );
        bytes += 7;
        await stage.pass(20);
        assert.equal(total(), bytes);
        const lateMs = (received.at(-1)?.atMs as number) - sentAt;
        assert(lateMs <= 2.5, `burst ${burst}: ${lateMs} ms`);
      }
      const [connection] = server.connections();
      assert.equal(connection?.bytesRead, bytes);
    }));

  test('an engine whose marks have been lowered sets no more timers', () =>
    onVirtualStage({}, async (stage) => {
      const { server, client } = await watched(stage, { framing });
      stage.soon(() => client.write(beginning(10 * MIB, 200_000)));
      await stage.pass(1000);
      const [connection] = server.connections();
      const { marks } = (connection as Connection).group.engine as unknown as { marks: { dueAt: number } };
      assert.equal(marks.dueAt, Infinity);
    }));

  test('a system that refuses marks has none, and nothing fails', () =>
    onVirtualStage({}, async (stage) => {
      let tries = 0;
      const { client, received, closes } = await watched(stage, {
        framing,
        open({ socket }) {
          socket.setOption = () => {
            tries++;
            throw new Error('refused');
          };
        },
      });
      const bytes = Buffer.concat(framing.encode(countingBytes(MIB)) as Uint8Array[]);
      for (let count = 0; count < 3; count++) {
        stage.soon(() => client.write(bytes));
        await stage.pass(100);
      }
      assert.deepEqual([received.length, closes, tries], [3, [], 1]);
    }));

  test('the memory that marks may fill is bounded', () =>
    onVirtualStage({}, async (stage) => {
      const { server } = await watched(stage, { framing });
      const clients = await Promise.all(Array.from({ length: 200 }, () => stage.connect(server, BUFFERS)));
      stage.soon(() => clients.forEach((client) => client.write(beginning(10 * MIB, 200_000))));
      await stage.pass(10);
      const marks = [...server.connections()].map(({ socket }) => socket.getOption('receiveLowWaterBytes'));
      const raised = marks.filter((bytes) => bytes > 1);
      assert(raised.length > 0);
      assert(raised.reduce((sum, bytes) => sum + bytes, 0) <= 64 * MIB, `${raised.length} marks`);
    }));
});
