/** Many connections that each send random bytes in random pieces, half-close, and compare the received bytes. */

import assert from 'node:assert/strict';
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import type { CompletionPortOptions } from 'overlapped/port';
import { eventually } from './harness.js';
import { LoopEcho } from './loop-echo.js';
import { nodePeers, type Peers } from './peers.js';

export interface Streams {
  readonly options: CompletionPortOptions;
  readonly streams: number;
  readonly bytesEach: number;
  /** The streams of node:net by default. */
  readonly peers?: Peers;
}

const PIECE_BYTES_MAX = 60_000;

/** One connection; returns when all has come back. */
async function oneStream(peers: Peers, number: number, bytesEach: number): Promise<void> {
  const { socket } = await peers.connect(number);
  const sent = createHash('sha256');
  const back = createHash('sha256');
  let bytesBack = 0;
  socket.on('data', (chunk: Buffer) => {
    back.update(chunk);
    bytesBack += chunk.byteLength;
  });
  const ended = once(socket, 'end');
  for (let left = bytesEach; left > 0; ) {
    const piece = randomBytes(Math.min(left, randomInt(1, PIECE_BYTES_MAX)));
    sent.update(piece);
    left -= piece.byteLength;
    if (!socket.write(piece)) {
      await once(socket, 'drain');
    }
  }
  socket.end();
  await ended;
  assert.equal(bytesBack, bytesEach);
  assert.equal(back.digest('hex'), sent.digest('hex'));
  socket.destroy();
}

export async function manyStreams({ options, streams, bytesEach, peers = nodePeers }: Streams): Promise<void> {
  const echo = new LoopEcho(options).start();
  try {
    await Promise.all(Array.from({ length: streams }, () => oneStream(peers, echo.number, bytesEach)));
    await eventually(() => echo.closed === streams, 'the server closes every connection');
    assert.equal(echo.received, streams * bytesEach);
    assert.equal(echo.port.statistics().buffersLent, 0);
    assert.equal(echo.port.statistics().sockets, 1);
  } finally {
    echo.port.close();
  }
}
