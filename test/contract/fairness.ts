/** Operations that always go on leave room for others: no kind waits for the end of another, and no socket either. */

import assert from 'node:assert/strict';
import { setImmediate as nextIteration } from 'node:timers/promises';
import type { OverlappedSocket } from 'overlapped/port';
import { connectPair, Dequeuer, listenOn, type Pair, withPort } from '../support/harness.js';
import { bounded, type Subject } from './subject.js';

/** Connections that are always busy: more than fit into a batch. */
const BUSY = 16;

/** Busy operations that may complete before the other sockets' data arrives. No socket refuses this many short sends. */
const BUSY_COMPLETIONS_MAX = 4000;

/** Completions of a batch. */
const BATCHES = [1, 8] as const;

/** The bytes that a busy connection receives in all: in chunks of a receive buffer this takes long. */
const BUSY_BYTES = 32_768;
const BUFFERS = { bufferSizeBytes: 64, bufferCount: 256 };

async function connectPairs(dequeuer: Dequeuer, count: number): Promise<Pair[]> {
  const pairs: Pair[] = [];
  while (pairs.length < count) {
    pairs.push(await connectPair(dequeuer));
  }
  return pairs;
}

/** Dequeues while busy sockets go on, until the completions of the other sockets have arrived. */
async function among(
  dequeuer: Dequeuer,
  busy: ReadonlySet<OverlappedSocket>,
  goOn: (socket: OverlappedSocket) => void,
  wanted: readonly string[],
): Promise<void> {
  let completed = 0;
  const came: string[] = [];
  while (!wanted.every((name) => came.includes(name))) {
    assert(completed < BUSY_COMPLETIONS_MAX, `among ${completed} others came ${came}, not all of ${wanted}`);
    dequeuer.take();
    for (const seen of dequeuer.seen.splice(0)) {
      if (seen.socket !== undefined && busy.has(seen.socket)) {
        completed++;
        if (!seen.more) {
          goOn(seen.socket);
        }
      } else {
        assert.equal(seen.code, undefined);
        came.push(`${seen.kind} of ${seen.key}`);
      }
    }
    await nextIteration();
  }
}

/** Somebody sends to `server`, and somebody connects. */
function askFor(dequeuer: Dequeuer, { client, server }: Pair): void {
  const { port } = dequeuer;
  const newcomer = port.createSocket('ipv4');
  port.associate(newcomer, 'newcomer');
  port.postConnect(newcomer, listenOn(port).localAddress());
  port.postReceive(server);
  port.postSend(client, Buffer.from('x'));
}

const ASKED = ['connect of newcomer', 'accept of listener', 'send of client', 'receive of server'];

export function fairness(subject: Subject): void {
  for (const completionsMax of BATCHES) {
    bounded(`endless sends do not starve other operations, with batches of ${completionsMax}`, () =>
      withPort(subject.options, async (setUp, port) => {
        const [asked, ...pairs] = (await connectPairs(setUp, BUSY + 1)) as [Pair, ...Pair[]];
        const senders = new Set(pairs.map(({ client }) => client));
        const goOn = (socket: OverlappedSocket): void => port.postSend(socket, Buffer.from('.'));
        senders.forEach(goOn);
        askFor(setUp, asked);
        await among(new Dequeuer(port, completionsMax), senders, goOn, ASKED);
      }),
    );

    bounded(`endless receives do not starve other operations, with batches of ${completionsMax}`, () =>
      withPort({ ...subject.options, ...BUFFERS }, async (setUp, port) => {
        const [asked, ...pairs] = (await connectPairs(setUp, BUSY + 1)) as [Pair, ...Pair[]];
        const receivers = new Set(pairs.map(({ server }) => server));
        for (const { client } of pairs) {
          port.postSend(client, Buffer.alloc(BUSY_BYTES));
          await setUp.next('send', client);
        }
        const goOn = (socket: OverlappedSocket): void => port.postReceive(socket, { once: true });
        receivers.forEach(goOn);
        askFor(setUp, asked);
        await among(new Dequeuer(port, completionsMax), receivers, goOn, ASKED);
      }),
    );
  }
}
