/** Sends without an operation: the driver's optional call `sendNow`, between sends that are posted. */

import assert from 'node:assert/strict';
import type { CompletionPort, OverlappedSocket } from 'overlapped/port';
import {
  connectPair,
  type Dequeuer,
  type Pair,
  type Prepare,
  sha256,
  someBytes,
  withPort,
} from '../support/harness.js';
import { Received } from '../support/received.js';
import { acceptPeer, given, type Subject } from './subject.js';

/** The call, which is no part of the public port. */
interface SendsNow {
  sendNow(socket: OverlappedSocket, bytes: Uint8Array, more: boolean): number;
}

function sendNow(port: CompletionPort, socket: OverlappedSocket, bytes: Uint8Array, more = false): number {
  return (port as unknown as SendsNow).sendNow(socket, bytes, more);
}

/** Buffers that hold a few kilobytes: almost every send is short. */
const tiny: Prepare = (socket) => {
  socket.setOption('sendBufferBytes', 4096);
  socket.setOption('receiveBufferBytes', 2048);
};

const usual: Prepare = () => undefined;

const PIECE_BYTES = 100_000;
/** Far more pieces than the buffers of two sockets hold, of either size. */
const PIECES_MAX = 10_000;

/** Keeps receiving on a socket; returns what it has received so far. */
function collect(dequeuer: Dequeuer, socket: OverlappedSocket): () => Buffer {
  const received = new Received();
  dequeuer.hook = (completion) => {
    if (completion.kind === 'receive' && completion.socket === socket && completion.bytes > 0) {
      received.add(completion.data);
      if (!completion.more) {
        dequeuer.port.postReceive(socket);
      }
    }
  };
  dequeuer.port.postReceive(socket);
  return () => received.data;
}

/** Sends all bytes: first those that the system takes now, then the rest by a posted send, which is awaited. */
async function sendAll(dequeuer: Dequeuer, socket: OverlappedSocket, bytes: Buffer, more: boolean): Promise<number> {
  const { port } = dequeuer;
  const taken = sendNow(port, socket, bytes, more);
  assert.ok(taken >= 0 && taken <= bytes.length, `took ${taken} of ${bytes.length} bytes`);
  // The memory is the program's again.
  const rest = Buffer.from(bytes.subarray(taken));
  bytes.fill(0);
  if (rest.length > 0) {
    port.postSend(socket, rest);
    assert.equal(sendNow(port, socket, rest, false), 0, 'nothing overtakes a posted send');
    const { code, bytes: sent } = await dequeuer.next('send', socket);
    assert.deepEqual([code, sent], [undefined, rest.length]);
  }
  return taken;
}

/**
 * Sends until the system takes nothing, not even a byte. A single refusal does not show that both buffers are full: on a
 * busy machine the kernel moves bytes to the receiver later, and the sender has room again.
 */
function fill(port: CompletionPort, { client }: Pair): Buffer {
  const sent: Buffer[] = [];
  for (const pieceBytes of [PIECE_BYTES, 1]) {
    for (let taken = -1; taken !== 0; ) {
      const piece = someBytes(pieceBytes);
      taken = sendNow(port, client, piece);
      sent.push(piece.subarray(0, taken));
      assert.ok(sent.length < PIECES_MAX, 'every send found room');
    }
  }
  return Buffer.concat(sent);
}

export function immediateSends(subject: Subject): void {
  const bounded = given(subject, 'immediateSends');

  for (const [name, prepare] of [
    ['usual', usual],
    ['tiny', tiny],
  ] as const) {
    bounded(`bytes sent now and posted bytes arrive in order through ${name} socket buffers`, () =>
      withPort(subject.options, async (dequeuer, port) => {
        const { client, server } = await connectPair(dequeuer, prepare);
        const received = collect(dequeuer, server);
        const pieces = [1, 64, 5000, 17_000, 1, 60_000, 250_000, 3, 20_000].map(someBytes);
        const expected = Buffer.concat(pieces);
        let takenNow = 0;
        for (const [index, piece] of pieces.entries()) {
          takenNow += await sendAll(dequeuer, client, piece, index % 2 === 0 && index + 1 < pieces.length);
        }
        assert.ok(takenNow > 0);
        await dequeuer.until(() => received().length >= expected.length, 'all bytes');
        assert.equal(sha256(received()), sha256(expected));
        assert.equal(port.statistics().sendBlocksHeld, 0);
      }),
    );
  }

  bounded('a full socket takes nothing now, and takes the rest once its peer reads', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const pair = await connectPair(dequeuer, tiny);
      const sent = fill(port, pair);
      assert.ok(sent.length > 0);
      const rest = someBytes(50_000);
      port.postSend(pair.client, rest);
      const received = collect(dequeuer, pair.server);
      await dequeuer.until(() => received().length >= sent.length + rest.length, 'all bytes');
      assert.equal(sha256(received()), sha256(Buffer.concat([sent, rest])));
    }),
  );

  bounded('empty bytes are nothing', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client } = await connectPair(dequeuer);
      assert.equal(sendNow(port, client, Buffer.alloc(0)), 0);
    }),
  );

  bounded('on a reset connection nothing is taken, and both sides of the socket report that it has failed', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client: peer, server } = await acceptPeer(subject, dequeuer);
      port.postReceive(server);
      dequeuer.take();
      peer.socket.resetAndDestroy();
      const { code } = await dequeuer.next('receive', server);
      assert.equal(code, 'ECONNRESET');
      assert.equal(sendNow(port, server, someBytes(PIECE_BYTES)), 0);
      port.postSend(server, someBytes(PIECE_BYTES));
      const sent = await dequeuer.next('send', server);
      assert.ok(sent.code === 'EPIPE' || sent.code === 'ECONNRESET', `${sent.code}`);
    }),
  );

  bounded('a reset that only an immediate send has met is no end of the stream', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client: peer, server } = await acceptPeer(subject, dequeuer);
      peer.socket.resetAndDestroy();
      await dequeuer.until(() => peer.closed, 'the reset');
      // Where a reset takes its time, some bytes are taken before it arrives.
      await dequeuer.until(() => sendNow(port, server, someBytes(100)) === 0, 'the reset at the server');
      port.postReceive(server);
      port.postSend(server, someBytes(PIECE_BYTES));
      const { code, bytes } = await dequeuer.next('receive', server);
      assert.equal(code, 'ECONNRESET', `a receive of ${bytes} bytes`);
      assert.equal((await dequeuer.next('send', server)).code, 'ECONNRESET');
    }),
  );

  bounded('after our end, and on a socket that is not connected or closed, nothing is taken', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client } = await connectPair(dequeuer);
      port.postShutdown(client);
      await dequeuer.next('shutdown', client);
      assert.equal(sendNow(port, client, someBytes(10)), 0);
      port.closeSocket(client);
      assert.equal(sendNow(port, client, someBytes(10)), 0);
      const fresh = port.createSocket('ipv4');
      port.associate(fresh);
      assert.equal(sendNow(port, fresh, someBytes(10)), 0);
      port.closeSocket(fresh);
    }),
  );
}
