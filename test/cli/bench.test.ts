/** `overlapped bench` against servers that echo, and servers that do not. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { USABLE_DRIVERS } from '../support/drivers.js';
import { lackOf, system } from '../support/system.js';
import { type RunningEcho, refused, runCli, startCli, startEcho } from './process.js';

const SHORT_SECONDS = 0.3 * system.patience;

interface Figures {
  readonly driver: string;
  readonly errors: number;
  readonly messages: number;
  readonly messagesPerSecond: number;
  readonly bytesChecked: number;
  readonly connections: number;
  readonly sizeBytes: number;
  readonly pipeline: number;
  readonly latencyMicroseconds: Readonly<Record<string, number>>;
}

async function figuresOf(parameters: readonly string[], seconds = SHORT_SECONDS): Promise<Figures> {
  const measure = ['--duration', `${seconds}`, '--warmup', '0.1', '--json'];
  const { exitCode, stdout, stderr } = await runCli(['bench', ...parameters, ...measure]);
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  assert.equal(stdout.split('\n').length, 2);
  const figures = JSON.parse(stdout) as Figures;
  assert.equal(figures.errors, 0);
  assert(figures.messages > 0 && figures.messagesPerSecond > 0);
  assert(figures.bytesChecked >= figures.messages * figures.sizeBytes);
  const { min = 0, p50 = 0, p90 = 0, p99 = 0, 'p99.9': p999 = 0, max = 0 } = figures.latencyMicroseconds;
  assert(0 < min && min <= p50 && p50 <= p90 && p90 <= p99 && p99 <= p999 && p999 <= max);
  return figures;
}

for (const driver of USABLE_DRIVERS) {
  describe(`bench on ${driver}`, () => {
    const cases = [
      { size: 1, pipeline: 1 },
      { size: 1, pipeline: 100 },
      { size: 64, pipeline: 16 },
      { size: 5000, pipeline: 7 },
      { size: 100_000, pipeline: 5 },
      { size: 1_000_000, pipeline: 2 },
    ];
    let echo: RunningEcho;
    before(async () => {
      echo = await startEcho(driver, '--quiet');
    });
    after(() => echo.stop());

    for (const { size, pipeline } of cases) {
      test(`${size} bytes, ${pipeline} in flight, are echoed correctly`, async () => {
        const parameters = [
          '--connections',
          '10',
          '--size',
          `${size}`,
          '--pipeline',
          `${pipeline}`,
          '--driver',
          driver,
        ];
        // All messages of 20 MB return at about the same time.
        const seconds = size * pipeline > 1_000_000 ? 3 * SHORT_SECONDS : SHORT_SECONDS;
        const figures = await figuresOf([`127.0.0.1:${echo.port}`, ...parameters], seconds);
        assert.deepEqual(
          [figures.driver, figures.connections, figures.sizeBytes, figures.pipeline],
          [driver, 10, size, pipeline],
        );
      });
    }

    test('over a Unix socket', { skip: lackOf('unixSockets') }, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'overlapped-'));
      const path = join(directory, 'echo.sock');
      try {
        const child = startCli(['echo', '--path', path, '--driver', driver, '--quiet']);
        await child.says(/listening/);
        await figuresOf([`unix:${path}`, '--driver', driver, '--size', '3000', '--pipeline', '3']);
        child.process.kill('SIGTERM');
        assert.equal((await child.ended).exitCode, 0);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  });
}

test('bench takes a bare port, writes a table, and ends by itself', async () => {
  const echo = await startEcho('auto', '--quiet');
  const { exitCode, stdout, stderr } = await runCli(['bench', `${echo.port}`, '--duration', '0.2', '--warmup', '0']);
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  // The real duration: a busy machine ends a timer late.
  assert.match(
    stdout,
    new RegExp(`^50 connections to 127\\.0\\.0\\.1:${echo.port}, 64 bytes, 1 in flight on each, \\d+\\.\\d s \\(`),
  );
  assert.match(stdout, /messages\/s.*MB\/s.*min µs.*p50 µs.*p90 µs.*p99 µs.*p99\.9 µs.*max µs/);
  assert.match(stdout, /^[\d,]+ bytes returned, all correct$/m);
  await echo.stop();
});

/** Runs a bench against a server of node:net; it must fail with one line, which is returned. */
async function failureAgainst(serve: (socket: Socket) => void, ...parameters: string[]): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const { exitCode, stdout, stderr } = await runCli(['bench', `127.0.0.1:${port}`, '--duration', '1', ...parameters]);
    assert.equal(exitCode, 1);
    assert.equal(stdout, '');
    assert.equal(stderr.trimEnd().split('\n').length, 1);
    assert(stderr.startsWith('overlapped: '));
    return stderr;
  } finally {
    server.close();
  }
}

describe('bench detects', { concurrency: 3 }, () => {
  test('a wrong byte', async () => {
    let sockets = 0;
    const line = await failureAgainst(
      (socket) => {
        const wrong = ++sockets === 3;
        let position = 0;
        socket.on('data', (data) => {
          const index = 12_345 - position;
          position += data.length;
          if (wrong && index >= 0 && index < data.length) {
            data[index] = (data[index] as number) ^ 1;
          }
          socket.write(data);
        });
      },
      '--size',
      '1000',
      '--pipeline',
      '4',
    );
    assert.match(line, /wrong data on connection \d+ at byte 12345: expected \d+, got \d+/);
  });

  test('lost bytes', async () => {
    const line = await failureAgainst((socket) => {
      let lost = false;
      socket.on('data', (data) => {
        socket.write(lost ? data : data.subarray(0, -1));
        lost = true;
      });
    });
    assert.match(line, /messages are missing|wrong data/);
  });

  test('bytes that were never sent', async () => {
    const line = await failureAgainst((socket) => {
      socket.on('data', (data) => socket.write(Buffer.concat([data, data])));
    });
    assert.match(line, /wrong data on connection/);
  });

  test('a server that closes', async () => {
    const line = await failureAgainst((socket) => {
      socket.once('data', (data) => socket.end(data));
    });
    assert.match(line, /the server closed connection \d+ after 64 bytes/);
  });

  test('a server that resets', async () => {
    const line = await failureAgainst((socket) => {
      socket.once('data', () => socket.resetAndDestroy());
    });
    assert.match(line, /the server reset connection \d+ after 0 bytes \(ECONNRESET\)/);
  });

  test('a port without a listener', async () => {
    const echo = await startEcho('auto', '--quiet');
    await echo.stop();
    await refused(echo.port);
    const { exitCode, stderr } = await runCli(['bench', `127.0.0.1:${echo.port}`]);
    assert.equal(exitCode, 1);
    assert.equal(
      stderr,
      `overlapped: cannot connect to 127.0.0.1:${echo.port}: nothing listens there (ECONNREFUSED); start a server, such as overlapped echo\n`,
    );
  });
});
