/** Misbehaving peers: the server survives, serves the others, and reports why it closed each. */

import assert from 'node:assert/strict';
import { setTimeout as after } from 'node:timers/promises';
import { Child, programPath } from '../support/child.js';
import { eventually, someBytes } from '../support/harness.js';
import { connectNode } from '../support/node-client.js';
import { system } from '../support/system.js';
import { type EngineSubject, type Stage, scenes } from './subject.js';

const MIB = 1024 * 1024;
const GREEDY = 50;
const SILENT = 1000;
const SLOW = 24;
const RESETS = 24;
/** For the server at its limit: Node itself has about twenty. */
const DESCRIPTORS = 160;
const CLIENTS = 200;
/** Far enough apart that a machine that stalls does not have both at once. */
const FIRST_BYTE_MS = 1000;
const DEADLINE_MS = 3000;

async function statistics(child: Child) {
  child.stdout = '';
  child.process.stdin?.write('statistics\n');
  return JSON.parse((await child.says(/statistics (.*)\n/))[1] as string);
}

/** A connection of each kind, at each stage, while one that behaves is served. */
async function misbehave(stage: Stage): Promise<void> {
  const server = await stage.listen({
    timeouts: { firstByteMs: FIRST_BYTE_MS },
    open: (connection) => connection.setDeadline(DEADLINE_MS),
    data(connection, chunk) {
      // A header is a line; it must be there in time, however its bytes trickle in.
      if (chunk.includes('\n')) {
        connection.setDeadline(0);
      }
      connection.write(chunk);
    },
    error: () => undefined,
  });
  const good = await stage.peer(server);
  good.socket.write('header\n');
  const silent = await Promise.all(Array.from({ length: SILENT }, () => stage.peer(server)));
  const slow = await Promise.all(Array.from({ length: SLOW }, () => stage.peer(server)));
  const dribble = (): void => slow.forEach(({ socket }) => socket.writable && socket.write('x'));
  dribble();
  const trickle = setInterval(dribble, 100);
  for (let index = 0; index < RESETS; index++) {
    const rude = await stage.peer(server);
    if (index % 3 > 0) {
      rude.socket.write(someBytes(1 + index * 1000));
    }
    if (index % 3 === 2) {
      await eventually(() => rude.bytes > 0, 'its echo');
    }
    rude.socket.resetAndDestroy();
  }
  for (let round = 1; round <= 10; round++) {
    const { bytes } = good;
    good.socket.write('still here?');
    await eventually(() => good.bytes === bytes + 11, 'the one that behaves is served');
    await after(20);
  }
  await eventually(() => server.connectionsCount === 1, 'all others are closed');
  clearInterval(trickle);
  const { closesByReason, opened } = server.statistics().connections;
  assert.equal(opened, SILENT + SLOW + RESETS + 1);
  assert.equal(closesByReason.first_byte_timeout, SILENT);
  assert.equal(closesByReason.deadline, SLOW);
  assert.equal(closesByReason.peer_reset, RESETS);
  assert.equal(stage.engine.core.port.statistics().sockets, 2);
  assert.equal(stage.engine.core.port.statistics().buffersLent, 0);
  assert(silent.every(({ ended, closed }) => ended || closed));
}

/** More clients than descriptors, which go when they are served. */
async function scarce({ subject }: Stage): Promise<void> {
  const child = new Child(programPath('engine-hostile'), [subject.driver, 'unlimited'], {
    before: ['sh', '-c', `ulimit -n ${DESCRIPTORS}; exec "$@"`, 'sh'],
  });
  try {
    const number = Number((await child.says(/listening (\d+)/))[1]);
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connectNode(number)));
    clients.forEach(({ socket }) => socket.write('hello'));
    let opened = 0;
    for (let delayed = 0; delayed === 0; ) {
      const { engine, connections } = await statistics(child);
      delayed = engine.acceptsDelayed;
      opened = connections.opened;
      await after(20);
    }
    assert(opened < DESCRIPTORS && clients.some(({ bytes }) => bytes === 0));
    for (const served = new Set(); served.size < CLIENTS; ) {
      const next = (): boolean => clients.some((client) => client.bytes > 0 && !served.has(client));
      await eventually(next, `more than ${served.size} are served`);
      for (const client of clients.filter(({ bytes }) => bytes > 0)) {
        served.add(client);
        client.socket.destroy();
      }
    }
    assert.equal(child.stderr, '');
  } finally {
    child.kill();
    await child.ended;
  }
}

export function hostile(subject: EngineSubject): void {
  const quick = system.patience === 1 && subject.driver !== 'select';
  if (!quick) {
    return;
  }
  const scene = scenes(subject);

  scene('a server survives silent, slow and resetting peers', misbehave, { timeoutMs: 60_000 });

  if (subject.network === undefined) {
    scene('a server that has run out of descriptors accepts again when some are free', (stage) => scarce(stage), {
      needs: 'descriptorLimit',
    });

    scene(
      `a server survives ${GREEDY} peers that never read`,
      async () => {
        const child = new Child(programPath('engine-hostile'), [subject.driver], { timeoutMs: 55_000 });
        try {
          const number = Number((await child.says(/listening (\d+)/))[1]);
          const greedy = await Promise.all(Array.from({ length: GREEDY }, () => connectNode(number)));
          const good = await connectNode(number);
          for (const { socket } of greedy) {
            socket.pause();
            socket.write('flood');
          }
          let closed = 0;
          while (closed < GREEDY) {
            const { bytes } = good;
            good.socket.write('served?');
            await eventually(() => good.bytes === bytes + 7, 'the one that reads is served');
            const { closesByReason } = (await statistics(child)).connections;
            closed = closesByReason.write_queue_full + closesByReason.engine_queue_full;
            await after(20);
          }
          const { most, connections, engine } = await statistics(child);
          assert.equal(connections.open, 1);
          assert.equal(connections.closed, GREEDY);
          assert.equal(engine.queuedBytes, 0);
          // The engine's cap of 64 MiB, and dropped memory that V8 has not collected yet.
          assert(most < 250 * MIB, `${Math.round(most / MIB)} MiB more at most`);
        } finally {
          child.kill();
          await child.ended;
        }
      },
      { timeoutMs: 60_000 },
    );
  }
}
