/** A stream's buffer is limited in chunks too, as a peer may send its bytes one by one. */

import assert from 'node:assert/strict';
import type { Connection, Handlers } from 'overlapped';
import type { ChunkIterator } from '../../src/engine/streams/async-iterator.js';
import { READ_AHEAD_PIECES_MAX } from '../../src/engine/streams/stream-adapter.js';
import { type EngineSubject, scenes } from './subject.js';

export function readAhead(subject: EngineSubject): void {
  const scene = scenes(subject);

  scene('unread bytes of a loop count as held, and single bytes soon cause backpressure', async (stage) => {
    const { connection } = await stage.pair({});
    const iterator = connection[Symbol.asyncIterator]() as ChunkIterator;
    let pieces = 0;
    while (!connection.paused && pieces < 10_000) {
      iterator.received(Buffer.from('x'));
      pieces++;
    }
    assert(pieces < 300, `${pieces} pieces`);
    assert(connection.heldBytes > 60_000 && connection.heldBytes < 70_000, `${connection.heldBytes} bytes`);
    for (let piece = 0; piece < pieces; piece++) {
      assert.equal(String((await iterator.next()).value), 'x');
    }
    assert.deepEqual([connection.heldBytes, stage.engine.heldBytes, connection.paused], [0, 0, false]);
  });

  scene('a Node stream buffers few chunks, and goes on when they are read', async (stage) => {
    const { connection } = await stage.pair({});
    const duplex = connection.toDuplex();
    duplex.on('readable', () => undefined);
    const pieces = await sendPieces(connection);
    assert.equal(duplex.readableLength, pieces);
    assert.equal(duplex.read(1000), null, 'a reader that wants more than is there');
    assert.equal(connection.paused, false);
    const more = await sendPieces(connection);
    // Node 26 gives one piece at a time.
    let read = '';
    for (let piece = duplex.read(); piece !== null; piece = duplex.read()) {
      read += String(piece);
    }
    assert.equal(read, 'x'.repeat(pieces + more));
    assert.equal(connection.paused, false);
  });

  scene('a web stream buffers few chunks, and goes on when they are read', async (stage) => {
    const { connection } = await stage.pair({});
    const web = connection.toWeb();
    const pieces = await sendPieces(connection);
    const reader = web.readable.getReader();
    for (let piece = 0; piece < pieces; piece++) {
      assert.equal(connection.paused, true, `piece ${piece}`);
      assert.equal((await reader.read()).value?.byteLength, 1);
    }
    assert.equal(connection.paused, false);
  });
}

/** Hands pieces of one byte to the reader of a connection, with the event loop between them, until it is paused. */
async function sendPieces(connection: Connection): Promise<number> {
  const reader = connection.handlers as Handlers;
  let pieces = 0;
  for (; !connection.paused && pieces < 2000; pieces++) {
    reader.data?.(connection, Buffer.from('x'));
    await new Promise(setImmediate);
  }
  assert(pieces <= READ_AHEAD_PIECES_MAX + 1, `${pieces} pieces`);
  return pieces;
}
