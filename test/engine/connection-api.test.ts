/** The report of a connection, and the settings that a program may change while it is open. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import type { CloseReason, Connection } from 'overlapped';
import { onVirtualStage } from '../support/virtual-stage.js';

describe('a connection', () => {
  test('closed resolves to the reason, after the handler close and for whoever asks later', () =>
    onVirtualStage({}, async (stage) => {
      const order: string[] = [];
      const server = await stage.listen({ data: (connection) => connection.end() });
      const client = await stage.connect(server, { close: () => void order.push('handler') });
      void client.closed.then((reason) => order.push(reason));
      assert.equal(client.isClosed, false);
      client.end('the last words');
      assert.equal(await client.closed, 'finished');
      assert.deepEqual(order, ['handler', 'finished']);
      assert.equal(client.isClosed, true);
      assert.equal(await client.closed, 'finished');
    }));

  test('closed does not reject for a connection that fails', () =>
    onVirtualStage({}, async (stage) => {
      const server = await stage.listen({ data: (connection) => connection.reset() });
      const client = await stage.connect(server);
      client.write('x');
      assert.equal(await client.closed, 'peer_reset');
    }));

  test('Symbol.asyncDispose destroys the connection and waits for its close', () =>
    onVirtualStage({}, async (stage) => {
      const received: string[] = [];
      const server = await stage.listen({ data: (_, chunk) => void received.push(String(chunk)) });
      const client = await stage.connect(server);
      client.write('sent before');
      await client[Symbol.asyncDispose]();
      assert.equal(await client.closed, 'destroyed');
      await stage.pass(100);
      assert.deepEqual(received, ['sent before']);
    }));

  test('each connection has an id of its own', () =>
    onVirtualStage({}, async (stage) => {
      const ids = new Set<number>();
      const server = await stage.listen({ open: ({ id }) => void ids.add(id) });
      for (let count = 0; count < 3; count++) {
        ids.add((await stage.connect(server)).id);
      }
      await stage.pass(100);
      assert.equal(ids.size, 6);
    }));

  test('console.log and JSON.stringify show its counts and state, and nothing of the engine', () =>
    onVirtualStage({}, async (stage) => {
      let served: Connection | undefined;
      const server = await stage.listen({
        open: (connection) => {
          served = connection;
        },
        data: () => undefined,
      });
      const client = await stage.connect(server);
      client.write('twelve bytes');
      await stage.pass(100);
      assert.deepEqual(JSON.parse(JSON.stringify(served)), {
        id: served?.id,
        state: 'open',
        remoteAddress: inspect(served?.toJSON().remoteAddress).slice(1, -1),
        bytesRead: 12,
        bytesWritten: 0,
        queuedBytes: 0,
        heldBytes: 0,
      });
      assert.match(inspect(served), /^Connection \{[^}]*state: 'open'[^}]*bytesRead: 12,[^}]*\}$/);
      assert.equal(inspect([[[served]]]), '[ [ [ [Connection] ] ] ]');
      client.destroy();
      await client.closed;
      assert.deepEqual([client.toJSON().state, client.toJSON().reason], ['closed', 'destroyed']);
    }));

  test('setIdleTimeout replaces the idle timeout of one connection', () =>
    onVirtualStage({}, async (stage) => {
      const closes: [name: string, reason: CloseReason, afterMs: number][] = [];
      const began = stage.network.now();
      const close = (name: string) => (_: unknown, reason: CloseReason) => {
        closes.push([name, reason, stage.network.now() - began]);
      };
      const server = await stage.listen({ timeouts: { firstByteMs: 0 }, data: () => undefined });
      const idle = { timeouts: { idleMs: 1000 } };
      const longer = await stage.connect(server, { ...idle, close: close('longer') });
      const unlimited = await stage.connect(server, { ...idle, close: close('unlimited') });
      const shorter = await stage.connect(server, { close: close('shorter') });
      await stage.connect(server, { ...idle, close: close('unchanged') });
      stage.soon(() => {
        longer.setIdleTimeout(3000);
        unlimited.setIdleTimeout(0);
        shorter.setIdleTimeout(500);
      });
      await stage.pass(10_000);
      assert.deepEqual(
        closes.map(([name, reason]) => `${name} ${reason}`),
        ['shorter idle_timeout', 'unchanged idle_timeout', 'longer idle_timeout'],
      );
      for (const [index, wantedMs] of [500, 1000, 3000].entries()) {
        const afterMs = closes[index]?.[2] ?? Number.NaN;
        assert(afterMs >= wantedMs && afterMs < wantedMs + 200, `${closes[index]?.[0]} after ${afterMs} ms`);
      }
      assert.equal(unlimited.isClosed, false);
      assert.throws(() => unlimited.setIdleTimeout(-1), { code: 'ERR_OUT_OF_RANGE' });
      assert.throws(() => unlimited.setIdleTimeout('5' as never), { code: 'ERR_INVALID_ARG_TYPE' });
    }));

  test('setNoDelay and setKeepAlive set the options of the socket, and do nothing once it closes', () =>
    onVirtualStage({}, async (stage) => {
      const server = await stage.listen({});
      const client = await stage.connect(server);
      const optionsOf = ({ socket }: Connection): number[] =>
        [socket.getOption('noDelay'), socket.getOption('keepAlive')].map((value) => (value === 0 ? 0 : 1));
      assert.deepEqual(optionsOf(client), [1, 1]);
      client.setNoDelay(false);
      client.setKeepAlive(false);
      assert.deepEqual(optionsOf(client), [0, 0]);
      client.setNoDelay();
      client.setKeepAlive();
      assert.deepEqual(optionsOf(client), [1, 1]);
      client.destroy();
      client.setNoDelay(false);
      await client.closed;
      client.setKeepAlive(false);
    }));
});
