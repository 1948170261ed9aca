/** The load of the benchmark suite detects servers that do not do the counted work, and measures those that do. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { cpus } from 'node:os';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Contender } from '../../bench/contender.js';
import { type CpuLook, cpuBetween } from '../../bench/load/cpu.js';
import { Latencies } from '../../bench/load/latencies.js';
import type { Sample, Work } from '../../bench/load/order.js';
import { processTime } from '../../bench/load/process-clock.js';
import { LoadProcess } from '../../bench/load-process.js';
import { Entrant } from '../../bench/measure.js';
import { loadCpuOf } from '../../bench/paths.js';
import type { Scenario } from '../../bench/scenarios/scenario.js';
import { BLOCK, Gatherer, type Role, WELCOME } from '../../bench/servers/roles.js';
import { Child, type ChildResult } from '../support/child.js';
import { peerOf, runLoad } from '../support/load-peer.js';

const programOf = (path: string): string => fileURLToPath(new URL(`../../bench/${path}.js`, import.meta.url));
const TIMEOUT_MS = 30_000;
const WARM_UP_MS = 100;
const MEASURE_MS = 200;

const skip = process.platform !== 'linux' && "it reads processes' times from Linux' /proc";
const options = { skip, timeout: 2 * TIMEOUT_MS } as const;
const skipPinned = skip || (cpus().length < 2 && 'it wants a processor for the server and one for the load');
/** Each waits for what does not come. */
const together = { ...options, concurrency: true } as const;

const ECHO: Work = { kind: 'echo', connections: 4, active: 4, sizeBytes: 64, pipeline: 2 };
const BROADCAST: Work = { kind: 'broadcast', members: 10, sizeBytes: 100, burst: 2, inFlight: 2 };
const IDLE: Work = { kind: 'idle', connections: 50, soonMs: 100, lateMs: 300 };
const PACED: Work = { kind: 'paced', connections: 4, perSecond: 2000, sizeBytes: 64 };
const CONNECTS: Work = { kind: 'connects', inFlight: 5, sizeBytes: 64 };

const load = (t: TestContext, work: Work, port: number, pid = process.pid): Promise<ChildResult> =>
  runLoad(t, { work, port, pid, warmUpMs: WARM_UP_MS, measureMs: MEASURE_MS });

/** Runs a load against a server of this process that handles each connection, and returns the failure. */
async function complaintOf(
  t: TestContext,
  work: Work,
  serve: (socket: Socket, index: number) => void,
): Promise<string> {
  const { exitCode, stdout, stderr } = await load(t, work, await peerOf(t, serve));
  assert.equal(exitCode, 1, stdout);
  return stderr;
}

describe('the load reports a server that', together, () => {
  test('omits one member of a broadcast', together, async (t) => {
    const members: Socket[] = [];
    const complaint = await complaintOf(t, BROADCAST, (socket) => {
      members.push(socket);
      socket.write(WELCOME);
      socket.on('data', (chunk) => {
        for (const member of members.slice(1)) {
          member.write(chunk);
        }
      });
    });
    assert.match(complaint, /^Server stalled: found 1 of 10 members that have not heard all 5000 ms after/);
  });

  for (const work of [ECHO, PACED]) {
    test(`stops answering one connection (${work.kind})`, together, async (t) => {
      const complaint = await complaintOf(t, work, (socket, index) => {
        let chunks = 0;
        socket.on('data', (chunk) => (index > 0 || chunks++ === 0) && socket.write(chunk));
      });
      assert.match(complaint, /^Server stalled: found 1 of 4 connections without all answers 5000 ms after/);
    });
  }

  test('stops answering all connections', together, async (t) => {
    const complaint = await complaintOf(t, ECHO, (socket) => {
      socket.once('data', (chunk) => socket.write(chunk));
    });
    assert.match(complaint, /^Server stalled: found 4 of 4 connections/);
  });

  test('sends to one stream only', together, async (t) => {
    const complaint = await complaintOf(t, { kind: 'bulk-out', streams: 2 }, (socket, index) => {
      if (index === 0) {
        const timer = setInterval(() => socket.write(BLOCK), 2);
        socket.on('close', () => clearInterval(timer));
      }
    });
    assert.match(complaint, /^Server stalled: found 1 of 2 streams that stand still 5000 ms after/);
  });

  test('takes bytes and reports no count', together, async (t) => {
    const complaint = await complaintOf(t, { kind: 'bulk-in', streams: 1 }, (socket) => socket.resume());
    assert.match(complaint, /^Server stalled: found 1 of 1 streams that stand still 5000 ms after/);
  });

  test('answers a wrong byte', together, async (t) => {
    const complaint = await complaintOf(t, ECHO, (socket) => {
      let chunks = 0;
      socket.on('data', (chunk) => {
        chunk[9] = (chunk[9] as number) ^ (chunks++ === 0 ? 0 : 1);
        socket.write(chunk);
      });
    });
    assert.match(complaint, /^Wrong byte: found \d+, wanted \d+\n$/);
  });

  test('ends idle connections', together, async (t) => {
    const complaint = await complaintOf(t, IDLE, (socket, index) => {
      socket.on('data', (chunk) => {
        socket.write(chunk);
        if (index % 2 === 0) {
          setTimeout(() => socket.destroy(), 50);
        }
      });
    });
    assert.match(complaint, /^Connections ended: found \d+ of 550 that the server has ended, wanted none\n$/);
  });

  test('stops answering idle connections', together, async (t) => {
    const complaint = await complaintOf(t, IDLE, (socket) => {
      socket.on('data', (chunk) => socket.write(String(chunk) === 'hello' ? chunk : '?'));
    });
    assert.equal(complaint, 'Wrong answer: found ?, wanted still there?\n');
  });

  test('never closes its side', together, async (t) => {
    const program = `require('net').createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined).on('data', (data) => socket.write(data));
    }).listen(0, '127.0.0.1', function () { console.log(this.address().port); })`;
    const server = new Child('--eval', [program], { timeoutMs: TIMEOUT_MS });
    t.after(() => server.kill());
    const [port] = await server.says(/\d+/);
    const { stderr } = await load(t, CONNECTS, Number(port), server.process.pid);
    assert.match(
      stderr,
      /^Connections left open: found \d+ descriptors of the server 5000 ms .*, wanted at most \d+\n$/,
    );
  });
});

const WORKS: readonly (readonly [Role, Work])[] = [
  ['echo', ECHO],
  ['echo', PACED],
  ['sink', { kind: 'bulk-in', streams: 2 }],
  ['framed', { kind: 'framed-in', streams: 2 }],
  ['source', { kind: 'bulk-out', streams: 2 }],
  ['echo', CONNECTS],
  ['broadcast', BROADCAST],
  ['echo', IDLE],
];

describe('a sample has positive figures:', together, () => {
  for (const [role, work] of WORKS) {
    test(`${work.kind}`, together, async (t) => {
      const server = new Child(programOf('servers/net'), [role], { timeoutMs: TIMEOUT_MS });
      t.after(() => server.kill());
      const [port] = await server.says(/\d+/);
      const { exitCode, stdout, stderr } = await load(t, work, Number(port), server.process.pid);
      assert.equal(exitCode, 0, stderr);
      const sample = JSON.parse(stdout) as Sample;
      for (const value of [sample.units, sample.time, sample.residentBytes, ...Object.values(sample.latency ?? {})]) {
        assert(value > 0, stdout);
      }
      assert(sample.cpu.user + sample.cpu.system > 0, stdout);
      assert(sample.othersCpu >= 0, stdout);
      assert.deepEqual(Object.keys(sample.idle ?? {}), work.kind === 'idle' ? ['soon', 'late'] : [], stdout);
    });
  }
});

/** How the measurement of a server fails. */
async function failureOf(program: string): Promise<string> {
  const contender: Contender = {
    name: 'wrong',
    title: 'wrong',
    roles: ['echo'],
    prepare: () => ({ version: '' }),
    command: () => [process.execPath, '--eval', program],
  };
  const scenario: Scenario = { name: 'echo', title: () => 'echo', role: 'echo', unit: 'message', work: () => ECHO };
  const timing = { quick: true, firstWarmUpMs: 0, warmUpMs: WARM_UP_MS, measureMs: MEASURE_MS };
  const entrant = new Entrant(contender, scenario, timing);
  const load = new LoadProcess();
  try {
    return await entrant.measure(load).then(JSON.stringify, ({ message }: Error) => message);
  } finally {
    await load.stop();
    await entrant.end();
  }
}

test("a failed server's last output is reported", { ...options, skip: skipPinned }, async () => {
  const program = `require('net').createServer((socket) => socket.on('data', () => { throw new TypeError('It is broken') }))
    .listen(0, '127.0.0.1', function () { console.log(this.address().port) })`;
  assert.match(await failureOf(program), /^The load ended: .*; The server ended: TypeError: It is broken$/);
});

test('a server that reports no port is killed, even if another process holds its pipes', {
  ...options,
  skip: skipPinned,
}, async () => {
  const program = `const child = require('child_process').spawn('sleep', ['60'], { stdio: 'inherit' });
    console.log('child ' + child.pid)`;
  const [, pid] = /: found child (\d+), wanted a port$/.exec(await failureOf(program)) ?? [];
  assert.equal(process.kill(Number(pid)), true);
});

test('the CPU time is exact, and divided into user and system as the ticks are', () => {
  const look = (user: number, system: number, exact: number): CpuLook => ({ ticks: { user, system }, exact });
  const first = look(600_000, 300_000, 905_000);
  assert.deepEqual(cpuBetween(first, look(620_000, 320_000, 949_000)), { user: 22_000, system: 22_000 });
  assert.deepEqual(cpuBetween(first, look(600_000, 300_000, 905_020)), { user: 0, system: 20 });
});

test('the time of a thread that has ended is part of the measured CPU time', options, async () => {
  const before = processTime(process.pid);
  const thread = new Worker(`const end = performance.now() + 50; while (performance.now() < end);`, { eval: true });
  const own = process.cpuUsage();
  await once(thread, 'exit');
  // The file of the thread is gone; on a busy machine it has had less time than 50 ms.
  const { user, system } = process.cpuUsage(own);
  assert(processTime(process.pid) - before >= 0.8 * (user + system));
  assert.throws(() => processTime(2 ** 22 + 1), /no clock/);
});

test('a percentile has values above it', () => {
  const latencies = new Latencies();
  assert.equal(latencies.summary(), undefined);
  const record = (count: number): void => {
    for (let index = 0; index < count; index++) {
      latencies.record(10);
    }
  };
  record(9);
  assert.deepEqual(latencies.summary(), {});
  record(490);
  assert.deepEqual(latencies.summary(), { p50: 10 });
  record(1);
  assert.deepEqual(latencies.summary(), { p50: 10, p99: 10 });
  record(4500);
  assert.deepEqual(latencies.summary(), { p50: 10, p99: 10, p999: 10 });
});

test('the load runs on another core if there is one', () => {
  assert.equal(loadCpuOf('0\n', 2), 1);
  assert.equal(loadCpuOf('0-1\n', 2), 1);
  assert.equal(loadCpuOf('0-1\n', 4), 2);
  assert.equal(loadCpuOf('0,4\n', 8), 1);
  assert.equal(loadCpuOf('', 2), 1);
});

test('messages are gathered however they are cut', () => {
  const messages = [1, 200, 3, 70_000].map((bytes, index) => Buffer.alloc(bytes, index + 1));
  const framed = messages.flatMap((message) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(message.length);
    return [length, message];
  });
  const stream = Buffer.concat(framed);
  for (const pieceBytes of [1, 3, 5, 1000, stream.length]) {
    const gatherer = new Gatherer();
    const found: Buffer[] = [];
    for (let place = 0; place < stream.length; place += pieceBytes) {
      gatherer.take(stream.subarray(place, place + pieceBytes), (message) => found.push(message));
    }
    assert.deepEqual(found, messages, `pieces of ${pieceBytes} bytes`);
    assert.equal(gatherer.messages, messages.length);
  }
});
