/** Connections as web streams. */

import assert from 'node:assert/strict';
import { ReadableStream } from 'node:stream/web';
import { setTimeout as after } from 'node:timers/promises';
import type { Connection, WebStreams } from 'overlapped';
import { FIN_SENT } from '../../src/engine/connection-core/state.js';
import { COPY_BYTES_MAX } from '../../src/engine/writing/write-queue.js';
import { eventually, sha256, someBytes } from '../support/harness.js';
import { flood } from './streams.js';
import { type EngineSubject, scenes } from './subject.js';

const MIB = 1024 * 1024;

export function webStreams(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('web streams piped into each other echo', async (stage) => {
    let done: Promise<void> | undefined;
    const { peer, connection } = await stage.pair({
      open(connection) {
        const { readable, writable } = connection.toWeb();
        done = readable.pipeTo(writable);
      },
    });
    const data = someBytes(3 * MIB);
    peer.socket.end(data);
    await done;
    await eventually(() => peer.ended && connection.isClosed, 'the end');
    assert.equal(sha256(peer.data), sha256(data));
    assert.deepEqual(stage.history.reasons, ['finished']);
  });

  scene("bytes are read into the reader's buffer, up to the end", async (stage) => {
    const { connection, peer } = await stage.pair();
    const { readable, writable } = connection.toWeb();
    const reader = readable.getReader({ mode: 'byob' });
    peer.socket.write('hello');
    // In whatever pieces it comes: no more at once than the reader's buffer takes.
    let text = '';
    for (let size = 3; text.length < 5; size = 10) {
      const { value } = await reader.read(new Uint8Array(size));
      assert(value !== undefined && value.byteLength > 0 && value.byteLength <= size);
      text += Buffer.from(value).toString();
    }
    assert.equal(text, 'hello');
    const last = reader.read(new Uint8Array(10));
    peer.socket.end();
    assert.equal((await last).done, true);
    await writable.getWriter().close();
    await eventually(() => connection.isClosed && peer.ended, 'the close');
  });

  scene('backpressure works in both directions of a web stream', async (stage) => {
    const { connection, client } = await stage.ends();
    const { writable } = connection.toWeb();
    assert((await flood(client, 32 * MIB)) < 32 * MIB);
    assert(connection.bytesRead <= 64 * 1024 + 64 * 1024);
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(16 * 1024)),
    });
    source.pipeTo(writable).catch(() => undefined);
    await after(100);
    assert(connection.queuedBytes <= 512 * 1024 + COPY_BYTES_MAX);
  });

  scene('cancel and abort destroy their connection', async (stage) => {
    for (const give of ['cancel', 'abort'] as const) {
      const server = await stage.listen({});
      const peer = await stage.peer(server);
      await eventually(() => server.connectionsCount === 1, 'the connection');
      const [connection] = server.connections() as Generator<Connection, never>;
      const { readable, writable } = (connection as Connection).toWeb();
      await (give === 'cancel' ? readable.cancel() : writable.abort(new Error('Not wanted')));
      await eventually(() => (peer.ended || peer.closed) && server.connectionsCount === 0, 'the close');
      // An aborted stream is incomplete: the peer must not take it for a complete one.
      assert.equal(peer.ended, give === 'cancel');
      await assert.rejects(give === 'cancel' ? writable.getWriter().closed : readable.getReader().read());
    }
    assert.deepEqual(stage.history.reasons, ['destroyed', 'destroyed']);
  });

  scene('a failure of the connection is the error of both web streams', async (stage) => {
    const { connection, peer } = await stage.pair();
    const { readable, writable } = connection.toWeb();
    peer.socket.resetAndDestroy();
    await assert.rejects(readable.getReader().read(), { code: 'ECONNRESET' });
    await assert.rejects(writable.getWriter().write('hello'), { code: 'ECONNRESET' });
  });

  scene('abort waits neither for a pending write nor for a close', async (stage) => {
    const problem = new Error('Enough');
    for (const closes of [false, true]) {
      const { connection, peer } = await stage.pair({ error: () => undefined });
      const writer = connection.toWeb().writable.getWriter();
      peer.socket.pause();
      const writing = assert.rejects(writer.write(someBytes(12 * MIB)), problem);
      await eventually(() => connection.queuedBytes > 0, 'the write');
      const closing = closes ? assert.rejects(writer.close(), problem) : undefined;
      const aborting = writer.abort(problem);
      await eventually(() => connection.isClosed, 'the close');
      await Promise.all([writing, closing, aborting, assert.rejects(writer.closed, problem)]);
      assert.deepEqual(stage.history.of(connection).errors, [problem]);
    }
    assert.deepEqual(stage.history.reasons, ['destroyed', 'destroyed']);
  });

  scene('an abort without a reason, or by a signal, is no error', async (stage) => {
    const { reason } = AbortSignal.abort();
    for (const end of [
      ({ writable }: WebStreams) => writable.abort(),
      ({ writable }: WebStreams) => writable.abort(reason),
      ({ readable }: WebStreams) => readable.cancel(reason),
    ]) {
      const { server, connection } = await stage.pair({ error: () => undefined });
      await end(connection.toWeb());
      await eventually(() => connection.isClosed, 'the close');
      const { events, reason: why } = stage.history.of(connection);
      assert.deepEqual([events, why], [['open', 'close'], 'destroyed']);
      assert.deepEqual(server.statistics().errorsByCode, {});
    }
  });

  scene(
    'a write to a web stream fails if our side ended before the streams were created',
    async (stage) => {
      const { connection, peer } = await stage.endedByPeer();
      const writer = connection.toWeb().writable.getWriter();
      await assert.rejects(writer.write('more'), { code: 'ERR_STREAM_WRITE_AFTER_END' });
      assert.equal(connection.closing, false);
      peer.socket.resume();
      await eventually(() => peer.ended && connection.isClosed, 'the end');
      assert.deepEqual([peer.bytes, ...stage.history.reasons], [12 * MIB, 'finished']);
    },
    { needs: 'sendsAfterEnd' },
  );

  scene('a writable closes if its connection is ended directly', async (stage) => {
    const { connection, peer } = await stage.pair({ allowHalfOpen: true });
    const writer = connection.toWeb().writable.getWriter();
    await writer.write('hello');
    connection.end();
    await eventually(() => (connection.flags & FIN_SENT) !== 0, 'our end');
    await writer.close();
    peer.socket.end();
    await eventually(() => connection.isClosed && peer.ended, 'the close');
    assert.deepEqual([peer.data.toString(), ...stage.history.reasons], ['hello', 'finished']);
  });
}
