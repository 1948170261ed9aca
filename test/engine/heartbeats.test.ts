/** Heartbeats on virtual time: when they are sent, and whom a failing one closes. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Connection } from 'overlapped';
import { delimited } from 'overlapped/framing';
import { onVirtualStage } from '../support/virtual-stage.js';

describe('heartbeats', () => {
  test('a paused connection sends no heartbeats, and does again after resume', () =>
    onVirtualStage({}, async (stage) => {
      const closes: string[] = [];
      const pings: string[] = [];
      const server = await stage.listen({
        framing: delimited(),
        heartbeat: { intervalMs: 300, missedMax: 2, ping: Buffer.from('ping') },
        message: (connection) => connection.pause(),
        close: (_, reason) => closes.push(reason),
      });
      const client = await stage.connect(server, { data: (_, chunk) => pings.push(String(chunk)) });
      client.write('work\n');
      await stage.pass(3000);
      assert.deepEqual([pings, closes], [[], []]);
      stage.soon(() => {
        for (const connection of server.connections()) {
          connection.resume();
        }
      });
      await stage.pass(200);
      assert.deepEqual([pings, closes], [[], []]);
      await stage.pass(2000);
      assert.deepEqual([pings, closes], [['ping\n', 'ping\n'], ['heartbeat']]);
    }));

  test('a connection that only has bytes left to send gets no heartbeat', () =>
    onVirtualStage({}, async (stage) => {
      const began = stage.network.now();
      let closedAt = 0;
      const server = await stage.listen({
        framing: delimited(),
        timeouts: { lingerMs: 5000 },
        sendBufferBytes: 1024,
        heartbeat: { intervalMs: 300, missedMax: 2, ping: Buffer.from('ping') },
        open(connection) {
          connection.write(Buffer.alloc(200_000));
          connection.destroy();
        },
        close: () => {
          closedAt = stage.network.now();
        },
      });
      await stage.connect(server, { open: (connection) => connection.pause() });
      await stage.pass(10_000);
      assert(closedAt - began >= 5000, `closed after ${closedAt - began} ms`);
    }));

  test('a heartbeat whose ping throws closes only its own connection', () =>
    onVirtualStage({}, async (stage) => {
      const told: string[] = [];
      let pings = 0;
      const server = await stage.listen({
        framing: delimited(),
        heartbeat: {
          intervalMs: 300,
          ping() {
            if (pings++ === 0) {
              throw new Error('no ping');
            }
            return Buffer.from('ping');
          },
          isPong(message) {
            if (String(message) === 'bad') {
              throw new Error('no pong');
            }
            return String(message) === 'pong';
          },
        },
        error: (_, error) => told.push(error.message),
        close: (_, reason) => told.push(reason),
      });
      const answer = (connection: Connection): unknown => connection.write('pong\n');
      await stage.connect(server, { data: answer });
      const other = await stage.connect(server, { data: answer });
      await stage.pass(3000);
      assert.deepEqual([told, server.connectionsCount], [['no ping', 'handler_error'], 1]);
      stage.soon(() => other.write('bad\n'));
      await stage.pass(10);
      assert.deepEqual(told.slice(2), ['no pong', 'handler_error']);
    }));
});
