/** Resets and closes at every moment of a connection: each operation ends with its code, and the listener serves on. */

import assert from 'node:assert/strict';
import type { OverlappedSocket } from 'overlapped/port';
import { type Dequeuer, LOOPBACK, listenOn, portOf, type Seen, withPort, zeros } from '../support/harness.js';
import type { PeerClient } from '../support/peer-client.js';
import { lackOf } from '../support/system.js';
import { bounded, type Subject } from './subject.js';

/** Both ends of a connection may act at many moments; each round tries another one. */
const ROUNDS = 20;
const STUCK_BYTES = 30_000_000;

interface Connection {
  readonly client: PeerClient;
  readonly server: OverlappedSocket;
}

async function connect({ peers }: Subject, dequeuer: Dequeuer, listener: OverlappedSocket): Promise<Connection> {
  const client = await peers.connect(portOf(listener));
  const accept = await dequeuer.next('accept', listener);
  assert.equal(accept.more, true);
  const server = accept.accepted as OverlappedSocket;
  dequeuer.port.associate(server);
  return { client, server };
}

/** A new connection is accepted, and its bytes are echoed. */
async function serves(subject: Subject, dequeuer: Dequeuer, listener: OverlappedSocket): Promise<void> {
  const { port } = dequeuer;
  const { client, server } = await connect(subject, dequeuer, listener);
  client.socket.write('ping');
  port.postReceive(server, { once: true });
  const { data } = await dequeuer.next('receive', server);
  port.postSend(server, data as Buffer);
  await dequeuer.until(() => client.bytes === 4, 'the echo');
  port.closeSocket(server);
  client.socket.destroy();
}

async function reset(dequeuer: Dequeuer, client: PeerClient): Promise<void> {
  client.socket.resetAndDestroy();
  await dequeuer.until(() => client.closed, 'the client is gone');
}

/** A receive and a send that cannot go on are in flight. */
async function getStuck(dequeuer: Dequeuer, { client, server }: Connection): Promise<void> {
  client.socket.pause();
  dequeuer.port.postReceive(server);
  dequeuer.port.postSend(server, zeros(STUCK_BYTES));
  await dequeuer.until(() => dequeuer.take() === 0, 'the send is stuck');
}

/** How a receive ends on a connection that was reset before it was posted. */
function assertReset({ capabilities }: Subject, seen: Seen): void {
  const forgotten = lackOf('resetRemembered', capabilities) !== false && seen.code === undefined && seen.bytes === 0;
  assert.ok(seen.code === 'ECONNRESET' || forgotten, `${seen.code}, ${seen.bytes} bytes`);
}

function eachRound(
  name: string,
  subject: Subject,
  round: (dequeuer: Dequeuer, listener: OverlappedSocket) => Promise<void>,
) {
  bounded(`${name}, and the listener still serves`, () =>
    withPort(subject.options, async (dequeuer, port) => {
      const listener = listenOn(port);
      for (let index = 0; index < ROUNDS; index++) {
        await round(dequeuer, listener);
        await serves(subject, dequeuer, listener);
      }
      assert.equal(port.statistics().operationsInFlight, 1);
      assert.equal(port.statistics().lateCompletions, 0);
    }),
  );
}

export function resets(subject: Subject): void {
  eachRound('a reset while a receive is in flight is ECONNRESET', subject, async (dequeuer, listener) => {
    const { port } = dequeuer;
    const { client, server } = await connect(subject, dequeuer, listener);
    port.postReceive(server);
    dequeuer.take();
    await reset(dequeuer, client);
    const { code, bytes, more } = await dequeuer.next('receive', server);
    assert.deepEqual([code, bytes, more], ['ECONNRESET', 0, false]);
    port.closeSocket(server);
  });

  eachRound('a reset after unread bytes is reported after them', subject, async (dequeuer, listener) => {
    const { port } = dequeuer;
    const { client, server } = await connect(subject, dequeuer, listener);
    await new Promise<void>((resolve) => client.socket.write('last words', () => resolve()));
    await reset(dequeuer, client);
    port.postReceive(server);
    let seen = await dequeuer.next('receive', server);
    for (let count = 0; count < 10 && seen.bytes > 0; count++) {
      // A system may drop bytes that arrived before.
      if (!seen.more) {
        port.postReceive(server);
      }
      seen = await dequeuer.next('receive', server);
    }
    assertReset(subject, seen);
    port.closeSocket(server);
  });

  eachRound('a reset while a send is in flight is ECONNRESET or EPIPE', subject, async (dequeuer, listener) => {
    const connection = await connect(subject, dequeuer, listener);
    await getStuck(dequeuer, connection);
    await reset(dequeuer, connection.client);
    const { code } = await dequeuer.next('send', connection.server);
    assert.ok(code === 'ECONNRESET' || code === 'EPIPE', `${code}`);
    assert.notEqual((await dequeuer.next('receive', connection.server)).code, 'ECANCELED');
    // A reader must not take it for the end of a complete stream.
    const first = dequeuer.all.find(({ socket }) => socket === connection.server);
    assert.notEqual(first?.code, undefined, `${first?.kind} of ${first?.bytes} bytes came first`);
    dequeuer.port.closeSocket(connection.server);
  });

  let ways = 0;
  eachRound(
    'operations in flight complete with ECANCELED if their socket is closed or reset',
    subject,
    async (dequeuer, listener) => {
      const { port } = dequeuer;
      const connection = await connect(subject, dequeuer, listener);
      await getStuck(dequeuer, connection);
      ways++;
      port.closeSocket(connection.server, { reset: ways % 2 === 0 });
      assert.equal((await dequeuer.next('send', connection.server)).code, 'ECANCELED');
      assert.equal((await dequeuer.next('receive', connection.server)).code, 'ECANCELED');
      const { client } = connection;
      client.socket.resume();
      // Linux reports an end after bytes that were received before a reset.
      await dequeuer.until(() => client.ended || client.closed, 'the end at the client');
      assert.ok(client.bytes < STUCK_BYTES);
      client.socket.destroy();
    },
  );

  for (const posted of [true, false]) {
    const when = posted ? 'before its accept is dequeued' : 'before an accept is posted';
    bounded(`a reset ${when} is reported by the first receive or not at all, and the listener still serves`, () =>
      withPort(subject.options, async (dequeuer, port) => {
        const listener = port.createSocket('ipv4');
        listener.bind(LOOPBACK);
        listener.listen();
        port.associate(listener);
        for (let index = 0; index < ROUNDS; index++) {
          if (posted) {
            port.postAccept(listener);
            dequeuer.take();
          }
          const gone = await subject.peers.connect(portOf(listener));
          gone.socket.resetAndDestroy();
          const client = await subject.peers.connect(portOf(listener));
          client.socket.write('ping');
          if (!posted) {
            port.postAccept(listener);
          }
          await findAlive(subject, dequeuer, listener, client);
          port.cancel(listener, 'accept');
          assert.equal((await dequeuer.next('accept', listener)).code, 'ECANCELED');
          client.socket.destroy();
        }
        assert.equal(port.statistics().operationsInFlight, 0);
      }),
    );
  }
}

/** Accepts until the connection comes that sends something; one that was reset may come before it. */
async function findAlive(
  subject: Subject,
  dequeuer: Dequeuer,
  listener: OverlappedSocket,
  client: PeerClient,
): Promise<void> {
  const { port } = dequeuer;
  for (;;) {
    const { accepted, code } = await dequeuer.next('accept', listener);
    assert.equal(code, undefined);
    const server = accepted as OverlappedSocket;
    port.associate(server);
    port.postReceive(server, { once: true });
    const seen = await dequeuer.next('receive', server);
    if (seen.data !== undefined) {
      assert.equal(seen.data.toString(), 'ping');
      port.postSend(server, seen.data);
      await dequeuer.until(() => client.bytes === 4, 'the echo');
      port.closeSocket(server);
      return;
    }
    assertReset(subject, seen);
    port.closeSocket(server);
  }
}
