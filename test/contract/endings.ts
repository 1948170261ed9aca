/** How a peer ends a connection: the end of its stream, half of it, or a reset, all of which are distinguished. */

import assert from 'node:assert/strict';
import { connectPair, withPort, zeros } from '../support/harness.js';
import { acceptPeer, bounded, given, type Subject } from './subject.js';

export function endings(subject: Subject): void {
  bounded('the end of the stream is a receive of 0 bytes, and sends still work after it', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await acceptPeer(subject, dequeuer);
      port.postReceive(server);
      client.socket.end('question');
      const { data, code } = await dequeuer.receiveAll(server);
      assert.deepEqual([data.toString(), code], ['question', undefined]);
      port.postSend(server, Buffer.from('answer'));
      port.postShutdown(server);
      assert.equal((await dequeuer.next('send')).code, undefined);
      await dequeuer.until(() => client.ended, 'our end at the peer');
      assert.equal(client.data.toString(), 'answer');
      client.socket.destroy();
    }),
  );

  bounded('each receive after the end of the stream completes with 0 bytes again', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await acceptPeer(subject, dequeuer);
      client.socket.end();
      for (let round = 0; round < 3; round++) {
        port.postReceive(server);
        const seen = await dequeuer.next('receive');
        assert.deepEqual([seen.bytes, seen.code, seen.more], [0, undefined, false]);
      }
      client.socket.destroy();
    }),
  );

  for (const posted of [true, false]) {
    const define = posted ? bounded : given(subject, 'resetRemembered');
    define(`a reset is ECONNRESET with ${posted ? 'a' : 'no'} receive in flight`, () =>
      withPort(subject.options, async (dequeuer, port) => {
        const { client, server } = await acceptPeer(subject, dequeuer);
        if (posted) {
          port.postReceive(server);
          dequeuer.take();
        }
        client.socket.resetAndDestroy();
        await dequeuer.until(() => client.closed, 'the client is gone');
        if (!posted) {
          port.postReceive(server);
        }
        const seen = await dequeuer.next('receive');
        assert.deepEqual([seen.code, seen.bytes, seen.more], ['ECONNRESET', 0, false]);
        assert.match(seen.error?.message ?? '', /receive ECONNRESET/);
      }),
    );
  }

  bounded('a send to a peer that has reset fails with EPIPE or ECONNRESET, and so do all later sends', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await acceptPeer(subject, dequeuer);
      client.socket.resetAndDestroy();
      await dequeuer.until(() => client.closed, 'the client is gone');
      const codes: (string | undefined)[] = [];
      for (let index = 0; index < 5; index++) {
        port.postSend(server, Buffer.from('x'));
      }
      port.postShutdown(server);
      for (let index = 0; index < 5; index++) {
        codes.push((await dequeuer.next('send')).code);
      }
      assert.ok(
        codes.every((code) => code === 'EPIPE' || code === 'ECONNRESET'),
        `${codes}`,
      );
      assert.notEqual((await dequeuer.next('shutdown')).code, undefined);
    }),
  );

  bounded('a large send whose peer resets half way completes once, with an error', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await acceptPeer(subject, dequeuer);
      client.socket.pause();
      port.postSend(server, zeros(50_000_000));
      port.postReceive(server);
      await dequeuer.until(() => dequeuer.take() === 0, 'the send is stuck');
      client.socket.resetAndDestroy();
      const sent = await dequeuer.next('send');
      assert.ok(sent.code === 'ECONNRESET' || sent.code === 'EPIPE', `${sent.code}`);
      assert.notEqual((await dequeuer.next('receive')).code, 'ECANCELED');
    }),
  );

  bounded('a send after a shutdown is EPIPE', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client } = await connectPair(dequeuer);
      port.postShutdown(client);
      port.postSend(client, Buffer.from('x'));
      assert.equal((await dequeuer.next('shutdown')).code, undefined);
      assert.equal((await dequeuer.next('send')).code, 'EPIPE');
    }),
  );

  bounded('a shutdown follows all sends posted before it, even large ones', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await acceptPeer(subject, dequeuer);
      port.postSend(server, Buffer.alloc(5_000_000, 1));
      port.postSend(server, Buffer.alloc(100, 2));
      port.postShutdown(server);
      port.postReceive(server);
      await dequeuer.until(() => client.ended, 'our end at the peer');
      assert.equal(client.bytes, 5_000_100);
      assert.equal(client.data.at(-1), 2);
      client.socket.end('bye');
      assert.equal((await dequeuer.receiveAll(server)).data.toString(), 'bye');
    }),
  );

  given(subject, 'urgentData')('urgent data is a part of the stream, and does not stall what comes behind it', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      subject.peers.sendByHand(client, 'abc', 'usual');
      subject.peers.sendByHand(client, '!', 'urgent');
      subject.peers.sendByHand(client, 'def', 'usual');
      port.postReceive(server);
      const { data } = await dequeuer.receiveAll(server, 7);
      assert.equal(data.toString(), 'abc!def');
    }),
  );
}
