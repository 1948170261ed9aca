/**
 * Memory of idle connections: how much a server's process grows for each of many connections that say nothing. The
 * kernel's own memory for a connection is not the process's, and not in it.
 *
 *     node dist/bench/idle.js [--connections 15000] [--rounds 3] [--settle 15] KIND...
 *
 * KIND is one of server.js's. Before each look nothing happens for `settle` seconds: by then V8 has collected what an
 * idle process does not need, its larger young generation above all (some 8 s after the last activity).
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';

/** Connections that are being made at one time. */
const CONNECTS_IN_FLIGHT = 100;
const LINE_TIMEOUT_MS = 30_000;

class Server {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(kind: string, port: number) {
    const file = fileURLToPath(new URL('./server.js', import.meta.url));
    this.child = spawn(process.execPath, [file, kind, String(port)], {
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

  /** Bytes of the process in memory, after so many ms in which nothing happens. */
  async memoryBytes(settleMs: number): Promise<number> {
    await delay(settleMs);
    this.child.stdin?.write('\n');
    return Number(await this.line());
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

/** Growth of the process for each connection, in bytes. */
async function measure(kind: string, port: number, count: number, settleMs: number): Promise<number> {
  const server = new Server(kind, port);
  try {
    await server.line();
    // What the first connections bring into being once for all is not theirs.
    const first = await connectAll(port, 200);
    const before = await server.memoryBytes(settleMs);
    const sockets = await connectAll(port, count);
    const after = await server.memoryBytes(settleMs);
    for (const socket of [...first, ...sockets]) {
      socket.destroy();
    }
    return (after - before) / count;
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
    },
  });
  const table = new Table({ head: ['server', 'bytes for each idle connection (median)', 'all rounds'] });
  let port = 20_000 + (process.pid % 10_000);
  for (const kind of positionals) {
    const samples: number[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      samples.push(Math.round(await measure(kind, port++, Number(values.connections), 1000 * Number(values.settle))));
    }
    const sorted = [...samples].sort((a, b) => a - b);
    table.push([kind, sorted[sorted.length >> 1] ?? Number.NaN, samples.join(', ')]);
  }
  console.log(`${values.connections} connections; Node ${process.version}`);
  console.log(table.toString());
}

await main();
