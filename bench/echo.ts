/**
 * CPU a message and messages a second of echo servers, interleaved in rounds so that a change of the machine's speed
 * hits all alike. The server is pinned to one processor, the load to another.
 *
 *     node dist/bench/echo.js [--connections 50] [--size 64] [--pipeline 1] [--seconds 2] [--rounds 5] CONTENDER...
 *
 * A contender is a KIND of server.js (`io_uring:run`, `epoll:loop`, `net`, …) or `NAME=COMMAND`, a command that serves
 * on the port it is given as its last argument.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { cpuTime, median, medianRatio } from './measuring.js';

const SERVER_CPU = '0';
const LOAD_CPU = '1';
/** How long a server or the load may take to start, and the load to answer. */
const START_TIMEOUT_MS = 10_000;

interface Contender {
  readonly name: string;
  readonly command: readonly string[];
}

interface Sample {
  readonly messagesPerSecond: number;
  readonly cpuMicroseconds: number;
  readonly userMicroseconds: number;
}

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

function contender(text: string): Contender {
  const equals = text.indexOf('=');
  return equals < 0
    ? { name: text, command: [process.execPath, here('./server.js'), text] }
    : { name: text.slice(0, equals), command: text.slice(equals + 1).split(' ') };
}

async function waitForServer(port: number): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const up = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (up) {
      return;
    }
    if (Date.now() > deadline) {
      throw new Error(`Server did not start in ${START_TIMEOUT_MS} ms`);
    }
    await delay(20);
  }
}

async function line(child: ChildProcess): Promise<string> {
  const signal = AbortSignal.timeout(START_TIMEOUT_MS);
  const [data] = (await once(child.stdout as NodeJS.ReadableStream, 'data', { signal })) as [Buffer];
  return String(data).trim();
}

async function ask(child: ChildProcess): Promise<number> {
  child.stdin?.write('\n');
  return Number(await line(child));
}

interface Settings {
  readonly connections: string;
  readonly size: string;
  readonly pipeline: string;
  readonly seconds: number;
}

async function measure({ command }: Contender, port: number, settings: Settings): Promise<Sample> {
  const server = spawn('taskset', ['-c', SERVER_CPU, ...command, String(port)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let load: ChildProcess | undefined;
  try {
    await waitForServer(port);
    const { connections, size, pipeline } = settings;
    const loadCommand = [
      '-c',
      LOAD_CPU,
      process.execPath,
      here('./load.js'),
      String(port),
      connections,
      size,
      pipeline,
    ];
    load = spawn('taskset', loadCommand, { stdio: ['pipe', 'pipe', 'inherit'] });
    await line(load);
    await delay(500);
    const before = { cpu: cpuTime(server.pid as number), messages: await ask(load), at: performance.now() };
    await delay(settings.seconds * 1000);
    const after = { cpu: cpuTime(server.pid as number), messages: await ask(load), at: performance.now() };
    const messages = after.messages - before.messages;
    const user = after.cpu.user - before.cpu.user;
    const system = after.cpu.system - before.cpu.system;
    return {
      messagesPerSecond: (messages * 1000) / (after.at - before.at),
      cpuMicroseconds: (user + system) / messages,
      userMicroseconds: user / messages,
    };
  } finally {
    server.kill('SIGKILL');
    load?.kill('SIGKILL');
    await once(server, 'close').catch(() => undefined);
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      connections: { type: 'string', default: '50' },
      size: { type: 'string', default: '64' },
      pipeline: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '5' },
    },
  });
  const settings: Settings = { ...values, seconds: Number(values.seconds) };
  const contenders = positionals.map(contender);
  const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]));
  let port = 20_000 + (process.pid % 10_000);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const each of contenders) {
      samples.get(each.name)?.push(await measure(each, port++, settings));
    }
  }
  const table = new Table({ head: ['server', 'messages/s', 'CPU µs/message', 'of it user', 'CPU to the first'] });
  const cpuOf = (list: readonly Sample[]): number[] => list.map(({ cpuMicroseconds }) => cpuMicroseconds);
  const first = cpuOf(samples.get(contenders[0]?.name ?? '') ?? []);
  for (const [name, list] of samples) {
    table.push([
      name,
      Math.round(median(list.map(({ messagesPerSecond }) => messagesPerSecond))).toLocaleString('en'),
      median(cpuOf(list)).toFixed(2),
      median(list.map(({ userMicroseconds }) => userMicroseconds)).toFixed(2),
      medianRatio(cpuOf(list), first).toFixed(3),
    ]);
  }
  console.log(
    `${values.connections} connections, ${values.size} bytes, ${values.pipeline} in flight on each; Node ${process.version}`,
  );
  console.log(table.toString());
}

await main();
