/** Memory that a program detaches while the port has its address: no other bytes are sent or overwritten. */

import assert from 'node:assert/strict';
import type { CompletionPort, OverlappedSocket } from 'overlapped/port';
import { connectPair, type Dequeuer, sha256, someBytes, withPort } from '../support/harness.js';
import { DETACHING, shrinkable, transferred } from '../support/taking-away.js';
import { bounded, type Subject } from './subject.js';

const MIB = 1024 * 1024;
const GONE = 'ERR_BUFFER_DETACHED';

/** The fill of other code's bytes: no payload here contains it. */
const FOREIGN = 0x53;

/** The memory of bytes is somebody else's from now on. */
function takeAway(bytes: Uint8Array): void {
  transferred(bytes).fill(FOREIGN);
}

function payload(byteLength: number): Uint8Array {
  return new Uint8Array(byteLength).fill(0x61);
}

function tiny(socket: OverlappedSocket): void {
  socket.setOption('sendBufferBytes', 4096);
  socket.setOption('receiveBufferBytes', 2048);
}

/** Receives until `server` sees no more, closing `client` once its sends have ended. */
async function receiveRest(dequeuer: Dequeuer, client: OverlappedSocket, server: OverlappedSocket, sends: number) {
  const { port } = dequeuer;
  port.postReceive(server);
  const received = dequeuer.receiveAll(server);
  await dequeuer.until(
    () => dequeuer.all.filter(({ kind }) => kind === 'send').length === sends,
    'the ends of all sends',
  );
  port.closeSocket(client);
  return { ...(await received), codes: dequeuer.all.filter(({ kind }) => kind === 'send').map(({ code }) => code) };
}

/** A connection of the same port works. */
async function assertServes(dequeuer: Dequeuer, port: CompletionPort): Promise<void> {
  const { client, server } = await connectPair(dequeuer);
  const bytes = someBytes(50_000);
  port.postReceive(server);
  port.postSend(client, bytes);
  const { data } = await dequeuer.receiveAll(server, bytes.byteLength);
  assert.equal(sha256(data), sha256(bytes));
}

export function memory(subject: Subject): void {
  for (const [name, detach] of Object.entries(DETACHING)) {
    bounded(`the memory of received bytes cannot be detached: ${name}`, () =>
      withPort({ ...subject.options, bufferCount: 4 }, async (dequeuer, port) => {
        const { client, server } = await connectPair(dequeuer);
        dequeuer.hook = (completion) => {
          if (completion.buffer !== undefined) {
            const { data } = completion;
            try {
              detach(data);
            } catch {
              // Right: the memory cannot be detached.
            }
            assert.equal(data.byteLength, completion.bytes);
          }
        };
        port.postReceive(server);
        const bytes = someBytes(300_000);
        port.postSend(client, bytes);
        const { data } = await dequeuer.receiveAll(server, bytes.byteLength);
        assert.equal(sha256(data), sha256(bytes));
        await assertServes(dequeuer, port);
      }),
    );
  }

  bounded("transferring a queued payload's memory stops it and all later sends, but no earlier ones", () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer, tiny);
      const first = payload(MIB);
      const second = payload(100_000);
      const third = payload(100_000);
      for (const bytes of [first, second, third]) {
        port.postSend(client, bytes);
      }
      takeAway(second);
      const { data, codes } = await receiveRest(dequeuer, client, server, 3);
      assert.deepEqual(codes, [undefined, GONE, GONE]);
      assert.equal(data.byteLength, MIB);
      assert(!data.includes(FOREIGN), 'bytes of somebody else were sent');
      const error = dequeuer.all.find(({ code }) => code === GONE)?.error as NodeJS.ErrnoException;
      assert.match(error.message, /^send ERR_BUFFER_DETACHED: /);
      await assertServes(dequeuer, port);
    }),
  );

  bounded('one of several payloads that are sent together is transferred: it and the later ones fail', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      // The first is with the driver alone, the others are handed over together.
      const sends = [payload(2000), payload(3000), payload(4000), payload(5000)];
      for (const bytes of sends) {
        port.postSend(client, bytes);
      }
      takeAway(sends[2] as Uint8Array);
      const { data, codes } = await receiveRest(dequeuer, client, server, 4);
      assert.deepEqual(codes, [undefined, undefined, GONE, GONE]);
      assert.equal(data.byteLength, 5000);
      assert(!data.includes(FOREIGN), 'bytes of somebody else were sent');
    }),
  );

  for (const [name, post] of [
    ['one buffer', (port, client, bytes) => port.postSend(client, bytes)],
    [
      'one of several buffers',
      (port, client, bytes) => port.postSend(client, [Buffer.from('first'), bytes.subarray(10), bytes]),
    ],
  ] satisfies [string, (port: CompletionPort, client: OverlappedSocket, bytes: Uint8Array) => void][]) {
    bounded(`a payload is transferred while its peer reads slowly: ${name}`, () =>
      withPort(subject.options, async (dequeuer, port) => {
        const { client, server } = await connectPair(dequeuer, tiny);
        const bytes = payload(8 * MIB);
        post(port, client, bytes);
        await dequeuer.until(() => dequeuer.take() === 0, 'a part of it is sent');
        takeAway(bytes);
        const { data, codes } = await receiveRest(dequeuer, client, server, 1);
        assert.deepEqual(codes, [GONE]);
        assert(data.byteLength < 2 * MIB, 'no more than waited in the system is sent');
        assert(!data.includes(FOREIGN), 'bytes of somebody else were sent');
        await assertServes(dequeuer, port);
      }),
    );
  }

  bounded("a payload's memory shrinks while its peer reads slowly", () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer, tiny);
      const { bytes, shrink } = shrinkable(8 * MIB);
      bytes.fill(0x61);
      port.postSend(client, bytes);
      await dequeuer.until(() => dequeuer.take() === 0, 'a part of it is sent');
      shrink();
      const { data, codes } = await receiveRest(dequeuer, client, server, 1);
      assert.deepEqual(codes, [GONE]);
      assert(!data.includes(0), 'bytes that were given back to the system were sent');
    }),
  );

  bounded('a small payload is copied when it is posted', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      const bytes = payload(1024);
      port.postSend(client, bytes);
      takeAway(bytes);
      const { data, codes } = await receiveRest(dequeuer, client, server, 1);
      assert.deepEqual(codes, [undefined]);
      assert.equal(data.byteLength, 1024);
      assert(!data.includes(FOREIGN), 'bytes of somebody else were sent');
    }),
  );

  bounded('a send that waits for space can be cancelled, even if its memory has been transferred', () =>
    withPort(subject.options, async (dequeuer, port) => {
      for (const gone of [false, true]) {
        const { client } = await connectPair(dequeuer, tiny);
        const bytes = payload(8 * MIB);
        port.postSend(client, bytes);
        await dequeuer.until(() => dequeuer.take() === 0, 'it waits');
        port.cancel(client, 'send');
        if (gone) {
          takeAway(bytes);
        }
        const { code } = await dequeuer.next('send', client);
        assert.equal(code, 'ECANCELED');
        port.closeSocket(client);
      }
    }),
  );

  bounded('a view over several receive buffers is rejected', () =>
    withPort(subject.options, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      let refused = 0;
      dequeuer.hook = (completion) => {
        if (completion.buffer !== undefined) {
          const { buffer, byteOffset } = completion.data;
          for (const bytes of [new Uint8Array(buffer), new Uint8Array(buffer, byteOffset, buffer.byteLength >> 1)]) {
            for (const data of [bytes, [bytes]]) {
              assert.throws(() => port.postSend(server, data), { code: 'ERR_INVALID_ARG_VALUE' });
              refused++;
            }
          }
        }
      };
      port.postReceive(server);
      port.postSend(client, Buffer.from('x'));
      await dequeuer.receiveAll(server, 1);
      assert.equal(refused, 4);
    }),
  );
}
