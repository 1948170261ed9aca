/**
 * Memory of idle connections: how much a server's process grows for each of many connections that say nothing. The
 * kernel's own memory for a connection is not the process's, and not in it.
 *
 *     node dist/bench/idle.js [--connections 15000] [--rounds 3] [--settle 15] [--node=OPTIONS] KIND...
 *
 * KIND is one of server.js's, OPTIONS are Node's for the server. Before each look nothing happens for `settle` seconds. By
 * then V8 may have given back what its young generation does not need, or not: that is up to 48 MB of a process, 3,000
 * bytes for each of 15,000 connections. `--node=--expose-gc` lets it collect all garbage in the middle of that time.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { median } from './measuring.js';

interface Memory {
  readonly resident: number;
  readonly used: number;
}

/** Connections that are being made at one time. */
const CONNECTS_IN_FLIGHT = 100;
const LINE_TIMEOUT_MS = 30_000;

class Server {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(kind: string, port: number, execArgv: readonly string[]) {
    const file = fileURLToPath(new URL('./server.js', import.meta.url));
    this.child = spawn(process.execPath, [...execArgv, file, kind, String(port)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error(`Server said nothing for ${LINE_TIMEOUT_MS} ms`)), LINE_TIMEOUT_MS).unref();
    });
    const { value } = await Promise.race([this.#lines.next(), late]);
    return value as string;
  }

  /** Memory of the process, after so many ms in which nothing happens, in the middle of which it collects garbage. */
  async memory(settleMs: number): Promise<Memory> {
    await delay(settleMs / 2);
    this.child.stdin?.write('collect\n');
    await delay(settleMs / 2);
    this.child.stdin?.write('look\n');
    const [resident = 0, used = 0] = (await this.line()).split(' ').map(Number);
    return { resident, used };
  }
}

async function connectAll(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  const connectSome = async (): Promise<void> => {
    while (sockets.length < count) {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      await once(socket, 'connect');
    }
  };
  await Promise.all(Array.from({ length: CONNECTS_IN_FLIGHT }, connectSome));
  return sockets;
}

interface Settings {
  readonly connections: number;
  readonly settleMs: number;
  readonly execArgv: readonly string[];
}

/** Growth for each connection, in bytes: of the process, and of what is in use in it. */
async function measure(kind: string, port: number, { connections, settleMs, execArgv }: Settings): Promise<Memory> {
  const server = new Server(kind, port, execArgv);
  try {
    await server.line();
    // What the first connections bring into being once for all is not theirs.
    const first = await connectAll(port, 200);
    const before = await server.memory(settleMs);
    const sockets = await connectAll(port, connections);
    const after = await server.memory(settleMs);
    for (const socket of [...first, ...sockets]) {
      socket.destroy();
    }
    return {
      resident: (after.resident - before.resident) / connections,
      used: (after.used - before.used) / connections,
    };
  } finally {
    server.child.kill('SIGKILL');
    await once(server.child, 'close');
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      connections: { type: 'string', default: '15000' },
      rounds: { type: 'string', default: '3' },
      settle: { type: 'string', default: '15' },
      node: { type: 'string', default: '' },
    },
  });
  const settings = {
    connections: Number(values.connections),
    settleMs: 1000 * Number(values.settle),
    execArgv: values.node.split(' ').filter((word) => word !== ''),
  };
  const samples = new Map<string, Memory[]>(positionals.map((kind) => [kind, []]));
  let port = 20_000 + (process.pid % 10_000);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [kind, list] of samples) {
      list.push(await measure(kind, port++, settings));
    }
  }
  const table = new Table({
    head: ['server', 'process grows by, bytes (median)', 'all rounds', 'in use, bytes (median)'],
  });
  for (const [kind, list] of samples) {
    const resident = list.map((memory) => Math.round(memory.resident));
    const used = list.map((memory) => Math.round(memory.used));
    table.push([kind, median(resident), resident.join(', '), median(used)]);
  }
  console.log(`${values.connections} idle connections, for each of them; Node ${process.version} ${values.node}`);
  console.log(table.toString());
}

await main();
