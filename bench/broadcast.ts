/**
 * Broadcast: deliveries a second of one message to many connections, `server.broadcast` beside a loop over node:net's
 * `socket.write`. Every member's bytes are checked.
 *
 *     node dist/bench/broadcast.js [--connections 5000] [--size 100] [--rounds 5] [--messages 40] [--burst 1] KIND...
 *
 * `burst` is how many messages are broadcast in one turn of the event loop, as when several members of a room speak in it.
 * KIND is a driver, or `net`. The server is in a process of its own, pinned to one processor; the members are in this one.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { connect, Engine, listen } from 'overlapped';
import { type CpuTime, cpuTime, median, medianRatio } from './measuring.js';

const SERVER_CPU = '0';
const MEMBERS_CPU = '1';
const CONNECTS_IN_FLIGHT = 64;

/** In the server's process: a line on standard input is a number of broadcasts to make, and to how many connections. */
async function serve(kind: string, size: number, burst: number): Promise<void> {
  const message = Buffer.alloc(size, 'overlapped');
  let broadcast: () => void;
  let connections: () => number;
  let port: number;
  if (kind === 'net') {
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
      socket.resume();
    });
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
    await once(server, 'listening');
    port = (server.address() as { port: number }).port;
    connections = () => sockets.size;
    broadcast = () => {
      for (const socket of sockets) {
        socket.write(message);
      }
    };
  } else {
    const server = await listen({ host: '127.0.0.1', port: 0, driver: kind, data: () => undefined });
    port = (server.address as { port: number }).port;
    connections = () => server.connectionsCount;
    broadcast = () => server.broadcast(message);
  }
  console.log(port);
  for await (const line of createInterface({ input: process.stdin })) {
    const [messages = 0, members = 0] = line.split(' ').map(Number);
    while (connections() < members) {
      // The last ones are connected, and not accepted yet.
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (let count = 1; count <= messages; count++) {
      broadcast();
      if (count % burst === 0) {
        // As a game's tick would: what it has posted is sent before the next.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }
}

interface Settings {
  readonly connections: number;
  readonly size: number;
  readonly messages: number;
  readonly burst: number;
}

class Members {
  readonly engine = new Engine({ buffersMax: 1024, bufferSizeBytes: 4096 });
  readonly #expected: Buffer;
  received = 0;

  constructor(size: number) {
    // Long enough that any place of the stream begins somewhere in the first message.
    this.#expected = Buffer.alloc(size + 4096, Buffer.alloc(size, 'overlapped'));
  }

  async connect(port: number, count: number, size: number): Promise<void> {
    let made = 0;
    const some = async (): Promise<void> => {
      while (made < count) {
        made++;
        let phase = 0;
        await connect({
          engine: this.engine,
          host: '127.0.0.1',
          port,
          data: (_, chunk) => {
            if (chunk.compare(this.#expected, phase, phase + chunk.length) !== 0) {
              throw new Error(`Wrong bytes at a member, ${phase} behind the start of a message`);
            }
            phase = (phase + chunk.length) % size;
            this.received += chunk.length;
          },
          error: (_, error) => {
            console.error(error);
            process.exit(1);
          },
        });
      }
    };
    await Promise.all(Array.from({ length: CONNECTS_IN_FLIGHT }, some));
  }
}

interface Sample {
  readonly deliveriesPerSecond: number;
  /** Of the server, for each delivery, in µs. */
  readonly cpu: CpuTime;
}

async function measure(kind: string, { connections, size, messages, burst }: Settings): Promise<Sample> {
  const file = fileURLToPath(import.meta.url);
  const server: ChildProcess = spawn(
    'taskset',
    ['-c', SERVER_CPU, process.execPath, file, '--serve', kind, '--size', String(size), '--burst', String(burst)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const members = new Members(size);
  try {
    const [line] = (await once(server.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    await members.connect(Number(line), connections, size);
    const before = cpuTime(server.pid as number);
    const began = performance.now();
    server.stdin?.write(`${messages} ${connections}\n`);
    const all = connections * size * messages;
    while (members.received < all) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const deliveriesPerSecond = (connections * messages * 1000) / (performance.now() - began);
    const after = cpuTime(server.pid as number);
    const deliveries = connections * messages;
    const cpu = { user: (after.user - before.user) / deliveries, system: (after.system - before.system) / deliveries };
    return { deliveriesPerSecond, cpu };
  } finally {
    members.engine.close();
    server.kill('SIGKILL');
    await once(server, 'close');
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      serve: { type: 'string' },
      connections: { type: 'string', default: '5000' },
      size: { type: 'string', default: '100' },
      messages: { type: 'string', default: '40' },
      burst: { type: 'string', default: '1' },
      rounds: { type: 'string', default: '5' },
    },
  });
  if (values.serve !== undefined) {
    await serve(values.serve, Number(values.size), Number(values.burst));
    return;
  }
  const settings = {
    connections: Number(values.connections),
    size: Number(values.size),
    messages: Number(values.messages),
    burst: Number(values.burst),
  };
  spawn('taskset', ['-a', '-p', '-c', MEMBERS_CPU, String(process.pid)], { stdio: 'ignore' });
  const samples = new Map<string, Sample[]>(positionals.map((kind) => [kind, []]));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [kind, list] of samples) {
      list.push(await measure(kind, settings));
    }
  }
  const ratesOf = (list: readonly Sample[]): number[] => list.map(({ deliveriesPerSecond }) => deliveriesPerSecond);
  const first = ratesOf(samples.get(positionals[0] ?? '') ?? []);
  const table = new Table({ head: ['server', 'deliveries/s', 'to the first', 'CPU µs/delivery', 'of it user'] });
  for (const [kind, list] of samples) {
    table.push([
      kind,
      Math.round(median(ratesOf(list))).toLocaleString('en'),
      medianRatio(ratesOf(list), first).toFixed(2),
      median(list.map(({ cpu }) => cpu.user + cpu.system)).toFixed(2),
      median(list.map(({ cpu }) => cpu.user)).toFixed(2),
    ]);
  }
  console.log(
    `${values.messages} messages of ${values.size} bytes to ${values.connections} connections, ${values.burst} a turn`,
  );
  console.log(table.toString());
}

await main();
