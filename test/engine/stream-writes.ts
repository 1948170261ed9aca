/** Writes of streams: of any size, not limited by a cap, and their fate when the stream is destroyed or fails. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type Duplex, PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as after } from 'node:timers/promises';
import type { Connection } from 'overlapped';
import type { ServerCore } from '../../src/engine/server/server-core.js';
import { eventually, sha256, someBytes } from '../support/harness.js';
import { Received } from '../support/received.js';
import { type EngineSubject, portOf, type Stage, scenes } from './subject.js';

const MIB = 1024 * 1024;

/** Characters of one to four bytes in UTF-8. */
const TEXT = 'plain, ä, €, 😀. ';

interface Ends {
  readonly connection: Connection;
  readonly client: Connection;
  /** The bytes that the client has received, and whether it saw an end. */
  readonly seen: { readonly data: Buffer; readonly bytes: number; readonly ended: boolean };
}

/** The two ends of a connection; the one that `connect` made keeps the received bytes. */
async function watched(stage: Stage, options: Parameters<Stage['listen']>[0] = {}): Promise<Ends> {
  const received = new Received();
  let ended = false;
  const server = await stage.listen({ error: () => undefined, ...options });
  const client = await stage.connect({
    port: portOf(server),
    data: (_, chunk) => received.add(chunk),
    end() {
      ended = true;
    },
    error: () => undefined,
  });
  await eventually(() => server.connectionsCount === 1, 'the connection');
  const [connection] = server.connections() as Generator<Connection, never>;
  return {
    connection: connection as Connection,
    client,
    seen: {
      get data() {
        return received.data;
      },
      get bytes() {
        return received.bytes;
      },
      get ended() {
        return ended;
      },
    },
  };
}

function large(subject: EngineSubject): void {
  const scene = scenes(subject);
  const data = someBytes(20 * MIB);
  const text = TEXT.repeat(Math.ceil((17 * MIB) / TEXT.length));

  const writes: Readonly<Record<string, (stream: Duplex) => unknown>> = {
    'end(bytes)': (stream) => stream.end(data),
    'write(text)': (stream) => stream.write(text, () => stream.end()),
    'write(text in latin1)': (stream) => stream.end(data.toString('latin1'), 'latin1'),
    'many writes': (stream) => {
      for (let offset = 0; offset < data.byteLength; offset += 50_000) {
        stream.write(data.subarray(offset, offset + 50_000));
      }
      stream.end();
    },
    'cork and many small writes': (stream) => {
      stream.cork();
      for (let offset = 0; offset < data.byteLength; offset += 1000) {
        stream.write(data.subarray(offset, offset + 1000));
      }
      stream.uncork();
      stream.end();
    },
  };

  for (const [name, write] of Object.entries(writes)) {
    scene(`a Duplex accepts more at once than a connection may queue: ${name}`, async (stage) => {
      const { connection, client, seen } = await watched(stage);
      const expected = name === 'write(text)' ? Buffer.from(text) : data;
      const stream = connection.toDuplex().on('error', () => undefined);
      client.pause();
      write(stream);
      await after(50);
      assert(connection.queuedBytes > 0 && connection.queuedBytes <= 512 * 1024, `${connection.queuedBytes} queued`);
      client.resume();
      await eventually(() => seen.ended, 'the end');
      assert.equal(sha256(seen.data), sha256(expected));
      assert.equal(stream.writableFinished, true);
    });
  }

  scene('a web stream accepts more at once than a connection may queue', async (stage) => {
    const { connection, seen } = await watched(stage);
    const writer = connection.toWeb().writable.getWriter();
    await writer.write(data);
    void writer.write(text);
    await writer.close();
    await eventually(() => seen.ended, 'the end');
    assert.equal(sha256(seen.data), sha256(Buffer.concat([data, Buffer.from(text)])));
  });

  scene(
    "streams whose peers do not read stay below the engine's cap, and continue later",
    async (stage) => {
      const piece = someBytes(MIB);
      const all = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const ends = await watched(stage, { sendBufferBytes: 8192 });
          ends.client.pause();
          ends.connection
            .toDuplex()
            .on('error', () => undefined)
            .end(piece);
          return ends;
        }),
      );
      await after(50);
      assert(stage.engine.queuedBytes <= stage.engine.core.writes.bytesMax);
      for (const { client } of all) {
        client.resume();
      }
      await eventually(() => all.every(({ seen }) => seen.ended), 'the ends');
      for (const { seen } of all) {
        assert.equal(sha256(seen.data), sha256(piece));
      }
    },
    { engine: { engineQueuedBytesMax: MIB } },
  );
}

function destroyed(subject: EngineSubject): void {
  const scene = scenes(subject);
  const block = someBytes(200_000);
  const problem = new Error('Not understood');

  const writes: Readonly<Record<string, (stream: Duplex) => unknown>> = {
    'write, destroy': (stream) => stream.write('400').valueOf() && stream.destroy(),
    'write, destroy with an error': (stream) => stream.write('400').valueOf() && stream.destroy(problem),
    'end, destroy': (stream) => stream.end('400').destroy(),
    'writes of which some wait in the stream, destroy': (stream) => {
      stream.write(block);
      stream.write(Buffer.from('middle '));
      stream.write('746578740a', 'hex');
      stream.write(block);
      stream.destroy();
    },
  };
  const whole = Buffer.concat([block, Buffer.from('middle text\n'), block]);

  for (const [name, write] of Object.entries(writes)) {
    scene(`bytes written to a Duplex before its destroy are sent: ${name}`, async (stage) => {
      const { connection, client, seen } = await watched(stage);
      const errors: unknown[] = [];
      const stream = connection.toDuplex().on('error', (error) => errors.push(error));
      write(stream);
      await eventually(() => client.isClosed && stream.closed && connection.isClosed, 'the close');
      assert.equal(seen.ended, true);
      const expected = name.startsWith('writes') ? whole : Buffer.from('400');
      assert.equal(sha256(seen.data), sha256(expected));
      assert.deepEqual(errors, name.includes('error') ? [problem] : []);
      assert.equal(stage.history.of(connection).reason, 'destroyed');
    });
  }

  scene('memory queued in a Duplex may be changed after destroy', async (stage) => {
    const { connection, client, seen } = await watched(stage);
    const stream = connection.toDuplex().on('error', () => undefined);
    const own = Buffer.from(block);
    stream.write(block);
    stream.write(own, () => own.fill(0));
    stream.destroy();
    own.fill(0);
    await eventually(() => client.isClosed, 'the close');
    assert.equal(sha256(seen.data), sha256(Buffer.concat([block, block])));
  });

  scene(
    'destroying a Duplex whose peer does not read drops its bytes, with a reset',
    async (stage) => {
      const { connection, client, seen } = await watched(stage, { timeouts: { lingerMs: 60 } });
      const stream = connection.toDuplex().on('error', () => undefined);
      client.pause();
      for (let count = 0; count < 40; count++) {
        stream.write(someBytes(MIB));
      }
      stream.destroy();
      await eventually(() => stream.closed && connection.isClosed, 'the close');
      client.resume();
      await eventually(() => client.isClosed, 'the close of the client');
      assert.deepEqual([seen.ended, stage.history.of(client).reason], [false, 'peer_reset']);
      assert.equal(stage.engine.queuedBytes, 0);
    },
    { needs: 'resetRemembered' },
  );

  scene('a stream destroyed in open closes', async (stage) => {
    const closed: string[] = [];
    const server = await stage.listen({
      open(connection) {
        const stream = connection.toDuplex().on('close', () => closed.push('duplex'));
        stream.end('bye');
        stream.destroy();
      },
    });
    const peer = await stage.peer(server);
    await eventually(() => closed.length === 1 && peer.ended && server.connectionsCount === 0, 'the close');
    assert.equal(peer.data.toString(), 'bye');
  });
}

function broken(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene("an echo through a transform is complete after the peer's end, without allowHalfOpen", async (stage) => {
    for (const byteLength of [500_000, 3 * MIB]) {
      const errors: unknown[] = [];
      const { client, seen } = await watched(stage, {
        open(connection) {
          const stream = connection.toDuplex();
          pipeline(stream, new PassThrough(), new PassThrough(), stream).catch((error) => errors.push(error));
        },
      });
      const data = someBytes(byteLength);
      client.pause();
      client.write(data);
      client.resume();
      // The connection of `connect` stays open for the answer.
      client.end();
      await eventually(() => seen.ended, 'the end');
      assert.deepEqual([seen.bytes, errors], [byteLength, []]);
      assert.equal(sha256(seen.data), sha256(data));
      await eventually(() => client.isClosed, 'the close');
    }
  });

  scene(
    'the peer of a failed pipeline sees a reset, never an end',
    async (stage) => {
      const { connection, client, seen } = await watched(stage);
      const problem = new Error('The source has failed');
      const source = new Readable({
        read() {
          this.push('a part');
          this.destroy(problem);
        },
      });
      const half = new PassThrough();
      half.write('a part');
      const failed = assert.rejects(pipeline(source, half, connection.toDuplex()), problem);
      await failed;
      await eventually(() => client.isClosed, 'the close');
      assert.deepEqual([seen.ended, stage.history.of(client).reason], [false, 'peer_reset']);
    },
    { needs: 'resetRemembered' },
  );

  scene(
    'the peer sees a reset, never an end, if the source of a web stream fails',
    async (stage) => {
      const { connection, client, seen } = await watched(stage);
      const problem = new Error('The source has failed');
      let pulls = 0;
      const source = new ReadableStream({
        pull(controller) {
          if (pulls++ < 3) {
            controller.enqueue('a part');
          } else {
            controller.error(problem);
          }
        },
      });
      await assert.rejects(source.pipeTo(connection.toWeb().writable as WritableStream), problem);
      await eventually(() => client.isClosed, 'the close');
      assert.deepEqual([seen.ended, stage.history.of(client).reason], [false, 'peer_reset']);
    },
    { needs: 'resetRemembered' },
  );

  scene(
    'a write after our automatic end is a reset to the peer',
    async (stage) => {
      const { connection, client } = await watched(stage);
      const stream = connection.toDuplex().on('error', () => undefined);
      client.pause();
      stream.write(someBytes(8 * MIB));
      stream.resume();
      client.end();
      await once(stream, 'end');
      await eventually(() => stream.writableEnded, 'our end');
      stream.write('the rest of the answer');
      await eventually(() => stream.closed, 'the close');
      client.resume();
      await eventually(() => client.isClosed, 'the close of the client');
      assert.equal(stage.history.of(client).reason, 'peer_reset');
    },
    { needs: 'resetRememberedBehindEnd' },
  );
}

function overHttp(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('an HTTP server answers an invalid request before it closes', async (stage) => {
    const http = createServer();
    const { client, seen } = await watched(stage, {
      allowHalfOpen: true,
      open: (connection) => void http.emit('connection', connection.toDuplex()),
    });
    client.write('garbage\r\n\r\n');
    await eventually(() => client.isClosed, 'the close');
    assert.match(seen.data.toString(), /^HTTP\/1\.1 400 /);
    assert.equal(seen.ended, true);
  });

  scene('an HTTP response in progress is completed while the server closes', async (stage) => {
    const answers: (() => void)[] = [];
    const http = createServer((_, response) => answers.push(() => response.end('the answer')));
    const { connection, client, seen } = await watched(stage, {
      allowHalfOpen: true,
      open: (connection) => void http.emit('connection', connection.toDuplex()),
    });
    client.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    await eventually(() => answers.length === 1, 'the request');
    const closed = (connection.group as ServerCore).closing.close(Infinity);
    await after(20);
    answers[0]?.();
    await eventually(() => seen.ended, 'the end');
    assert.match(seen.data.toString(), /the answer$/);
    await closed;
  });
}

function watchedOverHttp(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('an HTTP server after its `listening` event closes idle connections', async (stage) => {
    const http = createServer({ headersTimeout: 100, connectionsCheckingInterval: 20 }, (_, response) => {
      response.end('ok');
    });
    http.emit('listening');
    const options: Parameters<Stage['listen']>[0] = {
      allowHalfOpen: true,
      open: (connection) => void http.emit('connection', connection.toDuplex()),
    };
    const slow = await watched(stage, options);
    slow.client.write('GET / HTTP/1.1\r\nhost: x\r\n');
    await eventually(() => slow.client.isClosed, 'the close of the one whose headers are late');
    assert.match(slow.seen.data.toString(), /^HTTP\/1\.1 408 /);
    const idle = await watched(stage, options);
    idle.client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await eventually(() => idle.seen.bytes > 0, 'the answer');
    http.close();
    await eventually(() => idle.client.isClosed, 'the close of the idle one');
    assert.equal(idle.seen.ended, true);
  });
}

export function streamWrites(subject: EngineSubject): void {
  large(subject);
  destroyed(subject);
  broken(subject);
  overHttp(subject);
  watchedOverHttp(subject);
}
