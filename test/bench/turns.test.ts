/**
 * The suite's servers last from the first round to the last, are stopped between their measurements, and leave no
 * process behind.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Contender } from '../../bench/contender.js';
import { nodeCommand } from '../../bench/contenders/node.js';
import type { Work } from '../../bench/load/order.js';
import { LoadProcess } from '../../bench/load-process.js';
import { Entrant } from '../../bench/measure.js';
import { pinned } from '../../bench/paths.js';
import type { Scenario } from '../../bench/scenarios/scenario.js';
import { runScenario } from '../../bench/suite.js';
import { Child } from '../support/child.js';
import { eventually } from '../support/harness.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const RUN = fileURLToPath(new URL('../../bench/run.js', import.meta.url));
const NET = fileURLToPath(new URL('../../bench/servers/net.js', import.meta.url));
const TIMEOUT_MS = 60_000;
const WAIT_MS = TIMEOUT_MS / 2;

const skip =
  process.platform !== 'linux'
    ? "it reads processes' states from Linux' /proc"
    : cpus().length < 2 && 'it wants a processor for the server and one for the load';
const options = { skip, timeout: TIMEOUT_MS } as const;

const folder = mkdtempSync(join(ROOT, 'dist', 'bench-turns-'));
after(() => rmSync(folder, { recursive: true }));

const TIMING = { quick: true, firstWarmUpMs: 100, warmUpMs: 50, measureMs: 100 } as const;
const ECHO: Work = { kind: 'echo', connections: 4, active: 4, sizeBytes: 64, pipeline: 1 };

const scenarioOf = (role: 'echo' | 'proxy', work: Work = ECHO): Scenario => ({
  name: role,
  title: () => role,
  role,
  unit: 'message',
  work: () => work,
});

const contenderOf = (...words: readonly string[]): Contender => ({
  name: 'one',
  title: 'one',
  roles: ['echo', 'proxy'],
  prepare: () => ({ version: '' }),
  command: (role) => nodeCommand(...words, role),
});

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** As in proc(5): R, S, T (stopped), Z and others. */
  readonly state: string;
  readonly command: string;
}

function processOf(pid: number): Process | undefined {
  try {
    const [state = '', parent = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return { pid, parent: Number(parent), state, command };
  } catch {
    return undefined;
  }
}

const processes = (): readonly Process[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => processOf(Number(name)) ?? []);

const serversOf = (parent: number): readonly Process[] =>
  processes().filter((each) => each.parent === parent && each.command.includes('/servers/'));

async function restsAndEnds(t: TestContext, role: 'echo' | 'proxy', count: number): Promise<void> {
  const entrant = new Entrant(contenderOf(NET), scenarioOf(role), TIMING);
  const load = new LoadProcess();
  t.after(() => Promise.all([entrant.end(), load.stop()]));
  await entrant.warmUp(load);
  const servers = serversOf(process.pid);
  assert.equal(servers.length, count);
  const states = (): string => servers.map(({ pid }) => processOf(pid)?.state).join('');
  for (let round = 0; round < 2; round++) {
    await eventually(() => states() === 'T'.repeat(count), 'all rest', WAIT_MS);
    const sample = await entrant.measure(load);
    assert(sample.units > 0);
    assert.deepEqual(
      serversOf(process.pid).map(({ pid }) => pid),
      servers.map(({ pid }) => pid),
    );
  }
  await entrant.end();
  assert.deepEqual(serversOf(process.pid), []);
}

test('a server is stopped between its measurements, and killed at the end', options, (t) => restsAndEnds(t, 'echo', 1));

test('a proxy and its backend are stopped and killed too', options, (t) => restsAndEnds(t, 'proxy', 2));

test('a server whose memory is measured is started anew for each measurement', options, async (t) => {
  const idle: Work = { kind: 'idle', connections: 20, soonMs: 50, lateMs: 100 };
  const entrant = new Entrant({ ...contenderOf(NET), collects: true }, scenarioOf('echo', idle), TIMING);
  const load = new LoadProcess();
  t.after(() => Promise.all([entrant.end(), load.stop()]));
  for (let round = 0; round < 2; round++) {
    const { units, idle } = await entrant.measure(load);
    assert.equal(units, 20);
    assert.deepEqual(Object.keys(idle ?? {}), ['soon', 'late', 'inUse']);
    assert.deepEqual(serversOf(process.pid), []);
  }
});

test('a server that fails is started anew for the next measurement, and reported', options, async () => {
  // Its first process stops answering after its first connections.
  const flag = join(folder, 'begun');
  const program = `const first = !fs.existsSync(process.argv[1]);
    fs.writeFileSync(process.argv[1], '');
    let count = 0;
    require('net').createServer((socket) => {
      if (first && count++ === 4) throw new TypeError('It is broken');
      socket.on('error', () => 0).on('data', (data) => socket.write(data));
    }).listen(0, '127.0.0.1', function () { console.log(this.address().port); })`;
  const plan = {
    ...TIMING,
    rounds: 3,
    contenders: [contenderOf('--eval', program, flag)],
    chosen: true,
    scenarios: [],
    signal: new AbortController().signal,
  };
  const turns: unknown[] = [];
  const [cell] = await runScenario(scenarioOf('echo'), plan, (_, round) => turns.push(round));
  assert.deepEqual(turns, ['warm-up', 0, 1, 2]);
  assert.deepEqual(cell?.samples, []);
  assert.match(cell?.failure ?? '', /; The server ended: TypeError: It is broken, in 1 of 4 turns$/);
});

test('a second process runs the second half of the rounds if luck matters', options, async () => {
  let started = 0;
  const net = contenderOf(NET);
  const counted: Contender = {
    ...net,
    command(role) {
      started++;
      return net.command(role);
    },
  };
  const plan = {
    ...TIMING,
    rounds: 4,
    contenders: [counted],
    chosen: true,
    scenarios: [],
    signal: new AbortController().signal,
  };
  const turns: unknown[] = [];
  const [cell] = await runScenario({ ...scenarioOf('echo'), renews: true }, plan, (_, round) => turns.push(round));
  assert.deepEqual(turns, ['warm-up', 0, 1, 'warm-up', 2, 3]);
  assert.deepEqual([cell?.failure, cell?.samples.length, started], [undefined, 4, 2]);
});

test('a server that fails again and again is given up', options, async () => {
  const plan = {
    ...TIMING,
    rounds: 9,
    contenders: [contenderOf('--eval', 'process.exit(3)')],
    chosen: true,
    scenarios: [],
    signal: new AbortController().signal,
  };
  const turns: unknown[] = [];
  const [cell] = await runScenario(scenarioOf('echo'), plan, (_, round) => turns.push(round));
  assert.deepEqual(turns, ['warm-up', 0]);
  assert.match(cell?.failure ?? '', /^The server ended: it said nothing, exit code 3$/);
});

test('a program whose parent has already ended does not start', options, () => {
  const words = pinned(0, ['echo', 'started']);
  const said = (...command: readonly string[]): string =>
    spawnSync(command[0] as string, command.slice(1), { encoding: 'utf8' }).stdout.trim();
  assert.equal(said(...words), 'started');
  // Another is its parent then.
  assert.equal(said('sh', '-c', '"$@"; true', 'sh', ...words), '');
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  test(`a run that ends by ${signal} leaves no process behind, even a stopped one`, options, async (t) => {
    const words = ['--scenario', 'ping-1', '--contender', 'net', 'engine:epoll', '--seconds', '20', '--output', folder];
    const run = new Child(RUN, words, { timeoutMs: TIMEOUT_MS });
    t.after(() => run.kill());
    const pid = run.process.pid as number;
    const children = (): readonly Process[] => processes().filter(({ parent }) => parent === pid);
    // One server has had its first measurement.
    await eventually(() => children().filter(({ state }) => state === 'T').length > 0, 'one rests', WAIT_MS);
    const before = children().map((each) => each.pid);
    assert(before.length >= 2, `${before}`);
    run.process.kill(signal);
    const result = await run.ended;
    assert.equal(result.signal, signal);
    assert.doesNotMatch(result.stdout, /failed/);
    await eventually(() => before.every((each) => (processOf(each)?.state ?? 'Z') === 'Z'), 'all have ended', WAIT_MS);
  });
}
