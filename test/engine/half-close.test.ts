/** A side that has ended, and the other one: timeouts and events while the program takes its time. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CloseReason, Connection } from 'overlapped';
import { delimited } from 'overlapped/framing';
import { onVirtualStage } from '../support/virtual-stage.js';

describe('half-closed connections', () => {
  test('the half-close timeout does not run while a slow reader has unread data', () =>
    onVirtualStage({}, async (stage) => {
      const server = await stage.listen({
        allowHalfOpen: true,
        data: () => undefined,
        end: (connection) => connection.end(Buffer.alloc(200_000)),
      });
      const client = await stage.connect(server, { timeouts: { shutdownMs: 500 } });
      client.end('request');
      let bytes = 0;
      for await (const chunk of client) {
        bytes += chunk.byteLength;
        if (bytes === chunk.byteLength) {
          await stage.pass(2000);
        }
      }
      assert.equal(bytes, 200_000);
    }));

  test('the half-close timeout restarts on resume and does not run while nothing reads', () =>
    onVirtualStage({}, async (stage) => {
      const closes: [name: string, reason: CloseReason, at: number][] = [];
      const close = (name: string) => (_: unknown, reason: CloseReason) => {
        closes.push([name, reason, stage.network.now()]);
      };
      const server = await stage.listen({
        allowHalfOpen: true,
        data: (connection) => connection.write('and nothing more'),
      });
      const limit = { timeouts: { shutdownMs: 500 } };
      const began = stage.network.now();
      const unread = await stage.connect(server, { ...limit, close: close('unread') });
      const paused = await stage.connect(server, { ...limit, data: () => undefined, close: close('paused') });
      paused.pause();
      unread.end('hello');
      paused.end('hello');
      await stage.pass(2000);
      let resumed = Infinity;
      stage.soon(() => {
        resumed = stage.network.now();
        paused.resume();
      });
      await stage.pass(2000);
      assert.deepEqual(
        closes.map(([name, reason]) => `${name} ${reason}`),
        ['unread shutdown_timeout', 'paused shutdown_timeout'],
      );
      const [first, second] = closes.map(([, , at]) => at) as [number, number];
      assert(first - began < 1000, `the unread one after ${first - began} ms`);
      assert(second - resumed >= 500 && second - resumed < 1000, `${second - resumed} ms after the resume`);
    }));

  test("drain is emitted if the server's close ended our side, so that a paused program can read on", () =>
    onVirtualStage({}, async (stage) => {
      const reasons: CloseReason[] = [];
      const server = await stage.listen({
        allowHalfOpen: true,
        sendBufferBytes: 1024,
        limits: { highWaterMarkBytes: 65_536 },
        open: (connection) => {
          connection.write(Buffer.alloc(200_000));
          connection.pause();
        },
        data: () => undefined,
        drain: (connection) => connection.resume(),
        close: (_, reason) => reasons.push(reason),
      });
      const client = await stage.connect(server, { data: () => undefined, open: (connection) => connection.pause() });
      client.end('to be read');
      await stage.pass(10);
      stage.soon(() => client.resume());
      await server.close({ deadlineMs: 3000 });
      assert.deepEqual(reasons, ['finished']);
    }));

  test('pending messages of a resumed connection are delivered before its end', () =>
    onVirtualStage({ multishot: true }, async (stage) => {
      const told: string[] = [];
      let first: Connection | undefined;
      const server = await stage.listen({
        framing: delimited(),
        open(connection) {
          first ??= connection;
        },
        message(connection, message) {
          if (connection === first) {
            told.push(String(message));
            connection.pause();
          } else {
            first?.resume();
          }
        },
        close: (connection, reason) => connection === first && told.push(reason),
      });
      const paused = await stage.connect(server);
      const other = await stage.connect(server);
      paused.write('one\ntwo\nthree\n');
      await stage.pass(10);
      assert.deepEqual(told, ['one']);
      // Together: the end arrives after the resume, and before the round that continues with the messages.
      stage.soon(() => {
        other.write('go on\n');
        paused.end();
      });
      await stage.pass(10);
      assert.deepEqual(told, ['one', 'two']);
      for (let round = 0; round < 2; round++) {
        stage.soon(() => other.write('go on\n'));
        await stage.pass(10);
      }
      assert.deepEqual(told, ['one', 'two', 'three', 'finished']);
    }));
});
