/** Accepting at the limit of descriptors: the listener lives, does not spin, and accepts again when some are free. */

import assert from 'node:assert/strict';
import { setTimeout as after } from 'node:timers/promises';
import { ACCEPT_RETRY_MS } from '../../src/port/retry-queue.js';
import { Child, programPath, runProgram } from '../support/child.js';
import { eventually } from '../support/harness.js';
import { connectNode, type NodeClient } from '../support/node-client.js';
import { system } from '../support/system.js';
import { given, type Subject } from './subject.js';

/** Descriptors of the server: Node needs about twenty itself, and while it loads modules one for each that it reads. */
const DESCRIPTORS = 160;
const CLIENTS = 220;
const OBSERVED_MS = 600;
/** How often accepts may be tried again by something other than the timer, as when the port gives descriptors back. */
const RETRIES_ELSE = 10;

interface Statistics {
  readonly acceptsDelayed: number;
  readonly opened: number;
}

async function serve(
  subject: Subject,
  mode: 'loop' | 'run' | 'full',
  test: (child: Child, number: number) => Promise<void>,
): Promise<void> {
  const child = new Child(programPath('limited-server'), [subject.programOptions, mode], {
    before: ['sh', '-c', `ulimit -n ${DESCRIPTORS}; exec "$@"`, 'sh'],
    timeoutMs: 60_000 * system.patience,
  });
  try {
    const number = Number((await child.says(/listening (\d+)/))[1]);
    await test(child, number);
    assert.equal(child.stderr, '');
  } finally {
    child.kill();
    await child.ended;
  }
}

async function tell(child: Child, line: string, answer: RegExp): Promise<RegExpMatchArray> {
  child.stdout = '';
  child.process.stdin?.write(`${line}\n`);
  return child.says(answer);
}

async function statistics(child: Child): Promise<Statistics> {
  return JSON.parse((await tell(child, 'statistics', /statistics (.*)\n/))[1] as string);
}

async function clients(number: number, count: number): Promise<NodeClient[]> {
  const made = await Promise.all(Array.from({ length: count }, () => connectNode(number)));
  made.forEach(({ socket }, index) => socket.write(`client ${index}`));
  return made;
}

/** Processor time that the child uses while nothing changes. */
async function cpuWhileWaiting(child: Child): Promise<number> {
  const before = child.cpuSeconds();
  await after(OBSERVED_MS);
  return child.cpuSeconds() - before;
}

export function descriptorLimit(subject: Subject): void {
  const bounded = given(subject, 'descriptorLimit');

  for (const mode of ['loop', 'run'] as const) {
    bounded(`a server with ${DESCRIPTORS} descriptors serves ${CLIENTS} clients one after another (${mode})`, () =>
      serve(subject, mode, async (child, number) => {
        const all = await clients(number, CLIENTS);
        const served = (): NodeClient[] => all.filter((client) => client.bytes > 0);
        await eventually(() => served().length > 0, 'some are served');
        await after(OBSERVED_MS);
        const first = served().length;
        assert.ok(first < DESCRIPTORS, `${first} of them at first`);
        assert.ok((await cpuWhileWaiting(child)) < 0.25, 'the server does not spin at the limit');
        // Each that is served makes room for another by going.
        const done = new Set<NodeClient>();
        while (done.size < CLIENTS) {
          await eventually(
            () => served().some((client) => !done.has(client)),
            `more than ${done.size} are served`,
            5000,
          );
          for (const client of served()) {
            done.add(client);
            client.socket.destroy();
          }
        }
        all.forEach((client, index) => assert.equal(client.data.toString(), `client ${index}`));
      }),
    );
  }

  bounded('a timer notices descriptors that other code has freed', () =>
    serve(subject, 'loop', async (child, number) => {
      const early = await clients(number, 1);
      await eventually(() => early.every((client) => client.bytes > 0), 'the first is served');
      await tell(child, 'fill', /filled [1-9]/);
      // The port itself gives some back once it has found its way into the event loop: not all of these wait.
      const began = performance.now();
      const late = await clients(number, 12);
      await after(OBSERVED_MS);
      assert.ok(late.some((client) => client.bytes === 0));
      // Open connections are still served, and their traffic does not retry accepts over and over.
      for (let round = 0; round < 200; round++) {
        const { bytes } = early[0] as NodeClient;
        early[0]?.socket.write('more');
        await eventually(() => (early[0] as NodeClient).bytes > bytes, 'an old connection is served');
      }
      assert.ok((await cpuWhileWaiting(child)) < 0.15, 'the server does not spin');
      const { acceptsDelayed } = await statistics(child);
      const retriesMax = (performance.now() - began) / ACCEPT_RETRY_MS + RETRIES_ELSE;
      assert.ok(acceptsDelayed >= 1 && acceptsDelayed <= retriesMax, `accepts were held back ${acceptsDelayed} times`);
      await tell(child, 'free', /freed/);
      await eventually(() => late.every((client) => client.bytes > 0), 'those that waited are served');
      [...early, ...late].forEach((client) => client.socket.destroy());
    }),
  );

  bounded('a port that could not be started without descriptors can be started later', () =>
    serve(subject, 'full', async (child, number) => {
      const starts: string[] = JSON.parse((await child.says(/starts (.*)\n/))[1] as string);
      assert.deepEqual([starts[0], starts.at(-1)], ['EMFILE', 'started']);
      assert.deepEqual(starts, [...starts].sort(), 'refused until there are enough');
      const late = await clients(number, 12);
      await after(OBSERVED_MS);
      assert.ok((await cpuWhileWaiting(child)) < 0.15, 'the server does not spin');
      await tell(child, 'free', /freed/);
      await eventually(() => late.every((client) => client.bytes > 0), 'all are served');
      late.forEach((client) => client.socket.destroy());
    }),
  );

  bounded('a creation that fails because there are no descriptors leaves none open', async () => {
    const { exitCode, stdout, stderr } = await runProgram('engines-without-descriptors', [subject.programOptions], {
      before: ['sh', '-c', `ulimit -n ${DESCRIPTORS}; exec "$@"`, 'sh'],
    });
    assert.deepEqual([exitCode, stderr], [0, '']);
    const results: { free: number; result: string; left: number }[] = JSON.parse(stdout);
    assert.deepEqual([...new Set(results.map(({ result }) => result))], ['EMFILE', 'made']);
    assert.deepEqual(
      results.filter(({ left }) => left !== 0),
      [],
    );
  });
}
