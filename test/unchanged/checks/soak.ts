/** A server in one process through a million requests, and with ten thousand idle connections: its descriptors and memory. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Check } from '../check.js';
import type { Facts, Server, Stage } from '../stage.js';

const REQUESTS = Number(process.env.SOAK_REQUESTS ?? 1_000_000);
const WARM_UP = Math.max(REQUESTS / 5, 1000);
const IDLE = Number(process.env.SOAK_IDLE ?? 10_000);
const DESCRIPTORS_MAX = 20_000;
const TIMEOUT_MS = 900_000;
const MIB = 1 << 20;
/** How much more the heap may be afterwards: code that was compiled meanwhile, and caches of Node. */
const HEAP_GROWTH_MAX = 4 * MIB;
/** The allocator keeps freed memory: on stock Node 3 to 33 MiB more were seen. */
const RSS_GROWTH_MAX = 64 * MIB;
/** Some memory is freed seconds after its connection: of several states, the one with the smallest heap counts. */
const QUIET_STATES = 8;
const STATES_MAX = 60;
const STATE_INTERVAL_MS = 500;
const COUNTS = ['descriptors', 'operationsInFlight', 'buffersLent'] as const;
const BYTES = ['heapUsed', 'external', 'arrayBuffers', 'rss'] as const;
/** The bundle that knows what the engine counts, as the preload is bundled with it. */
const NET = new URL('../../../lib/net.js', import.meta.url);

interface State {
  readonly connections: number;
  /** The engine's slots and buffers in use; undefined without the preload. */
  readonly operationsInFlight?: number;
  readonly buffersLent?: number;
  readonly descriptors: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
  readonly rss: number;
  readonly pss: number;
}

async function stateOf(stage: Stage, { url }: Server): Promise<State> {
  const { stdout } = await stage.tool('curl', [
    '--silent',
    '--max-time',
    '60',
    '-H',
    'Connection: close',
    `${url}/state`,
  ]);
  return JSON.parse(stdout);
}

/** The state when only the connection of the question is open, and what ended connections have left is collected. */
async function quietState(stage: Stage, server: Server): Promise<State> {
  let least: State | undefined;
  for (let tries = 0, quiet = 0; quiet < QUIET_STATES; tries++) {
    assert(tries < STATES_MAX, 'connections stay open although all peers have gone');
    const state = await stateOf(stage, server);
    if (state.connections === 1) {
      quiet += 1;
      least = least === undefined || state.heapUsed < least.heapUsed ? state : least;
    }
    await new Promise((resolve) => setTimeout(resolve, STATE_INTERVAL_MS));
  }
  assert(least !== undefined);
  return least;
}

function showBoth(stage: Stage, name: string, before: number | undefined, after: number | undefined): void {
  if (before !== undefined && after !== undefined) {
    stage.figures.set(`${name} before`, before);
    stage.figures.set(`${name} after`, after);
  }
}

/** The variable by which the server finds the engine's statistics, if it has the preload. */
function statisticsVariable(stage: Stage): NodeJS.ProcessEnv {
  return stage.mode === 'stock' || !existsSync(NET) ? {} : { STATISTICS: NET.href };
}

async function soak(stage: Stage): Promise<Facts> {
  const server = await stage.serve('soak-server.js', [], {
    nodeArgs: ['--expose-gc'],
    env: statisticsVariable(stage),
    timeoutMs: TIMEOUT_MS,
  });
  const clients = (requests: number): Promise<Facts> =>
    stage.run('soak-clients.js', [String(server.port), String(requests)], { timeoutMs: TIMEOUT_MS });
  await clients(WARM_UP);
  const before = await quietState(stage, server);
  const cpu = server.running.cpuSeconds();
  const counts = await clients(REQUESTS);
  const after = await quietState(stage, server);
  for (const [name, count] of Object.entries(counts)) {
    stage.figures.set(name, Number(count));
  }
  stage.figures.set('CPU µs a request', ((server.running.cpuSeconds() - cpu) * 1e6) / Number(counts.answered));
  for (const name of COUNTS) {
    showBoth(stage, name, before[name], after[name]);
  }
  for (const name of BYTES) {
    showBoth(stage, `${name}, MiB`, before[name] / MIB, after[name] / MIB);
  }
  assert.equal(counts.failed, 0, JSON.stringify(counts));
  for (const name of COUNTS) {
    assert((after[name] ?? 0) <= (before[name] ?? 0), `${name} was ${before[name]}, and is ${after[name]}`);
  }
  assert(after.heapUsed + after.external - before.heapUsed - before.external < HEAP_GROWTH_MAX, 'the heap has grown');
  assert(after.rss - before.rss < RSS_GROWTH_MAX, 'resident memory has grown');
  return { failed: 0 };
}

/** The clients are another process: what is measured is the server alone. */
async function idle(stage: Stage): Promise<Facts> {
  const env = { KEEP_ALIVE_MS: '900000' };
  const before = ['prlimit', `--nofile=${DESCRIPTORS_MAX}`];
  const server = await stage.serve('soak-server.js', [], { nodeArgs: ['--expose-gc'], env, before });
  await stage.tool('curl', ['--silent', `${server.url}/`]);
  const empty = await quietState(stage, server);
  const client = stage.start('prlimit', [
    ...before.slice(1),
    process.execPath,
    join(stage.programs, 'idle-client.js'),
    String(server.port),
    String(IDLE),
  ]);
  const [, answered] = await client.says(/^answered (\d+)$/m);
  const full = await stateOf(stage, server);
  stage.figures.set('PSS MiB', full.pss / MIB);
  stage.figures.set('PSS KiB a connection', (full.pss - empty.pss) / 1024 / IDLE);
  stage.figures.set('heap KiB a connection', (full.heapUsed - empty.heapUsed) / 1024 / IDLE);
  stage.figures.set('external KiB a connection', (full.external - empty.external) / 1024 / IDLE);
  stage.figures.set('descriptors a connection', (full.descriptors - empty.descriptors) / IDLE);
  client.kill();
  const after = await quietState(stage, server);
  assert(after.descriptors <= empty.descriptors, 'descriptors are left');
  return { answered: Number(answered), open: full.connections - 1 };
}

export const SOAK_CHECKS: readonly Check[] = [
  { name: `soak/${IDLE} idle connections`, level: 'soak', tools: ['curl'], timeoutMs: 120_000, run: idle },
  { name: `soak/${REQUESTS} requests`, level: 'soak', tools: ['curl'], timeoutMs: TIMEOUT_MS, run: soak },
];
