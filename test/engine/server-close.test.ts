/** Connections that are closing already: what a program or a server can still do to them. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { onVirtualStage } from '../support/virtual-stage.js';

describe('closing connections', () => {
  test('a destroyed connection that still lingers cannot be resumed', () =>
    onVirtualStage({}, async (stage) => {
      const events: string[] = [];
      const server = await stage.listen({
        timeouts: { lingerMs: 500 },
        sendBufferBytes: 256,
        open: (connection) => {
          connection.write(Buffer.alloc(200_000));
          connection.destroy();
          connection.resume();
        },
        data: () => events.push('data'),
        end: () => events.push('end'),
        close: () => events.push('close'),
      });
      const client = await stage.connect(server, { open: (connection) => connection.pause() });
      client.end('nobody reads it');
      await stage.pass(1000);
      assert.deepEqual(events, ['close']);
    }));

  test('closing a server does not call serverClosing for a connection that is already ending', () =>
    onVirtualStage({}, async (stage) => {
      const closing: boolean[] = [];
      const server = await stage.listen({
        serverClosing: (connection) => {
          closing.push(connection.closing);
          for (const each of server.connections()) {
            each.destroy();
          }
        },
      });
      await stage.connect(server);
      await stage.connect(server);
      await stage.pass(10);
      await server.close();
      assert.deepEqual(closing, [false]);
    }));
});
