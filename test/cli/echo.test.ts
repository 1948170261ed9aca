/** `overlapped echo` as its users meet it, on every driver that runs here. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { USABLE_DRIVERS } from '../support/drivers.js';
import { someBytes } from '../support/harness.js';
import { connectClient, type RunningEcho, readAll, refused, roundTrip, startCli, startEcho } from './process.js';

const host = '127.0.0.1';

/** More than the buffers of two sockets and of the server hold, so that it cannot all be on its way at once. */
const LARGE_BYTES = 24 * 1024 * 1024;

/** For many peers at once: made once, as what takes this process a second is a silence for all of its clients. */
const FLOOD = Buffer.alloc(8 * 1024 * 1024);

/** More than the second between two lines of activity, by some. */
const STILL_MS = 1500;

/** Resolves when the server has done something and does nothing any more: it wrote no line for longer than a second. */
async function still(echo: RunningEcho): Promise<void> {
  await echo.child.says(/"event":"activity".*"bytes":[1-9]/);
  for (let before = -1; before !== echo.child.stdout.length; ) {
    before = echo.child.stdout.length;
    await delay(STILL_MS);
  }
}

function events(stdout: string, event: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line.event === event);
}

for (const driver of USABLE_DRIVERS) {
  describe(`echo on ${driver}`, { concurrency: 3 }, () => {
    test('prints its address, echoes to clients that half-close, and prints a summary at SIGTERM', async () => {
      const echo = await startEcho(driver);
      const data = Array.from({ length: 10 }, (_, index) => someBytes(1 + index * 40_000));
      const echoed = await Promise.all(data.map((bytes) => roundTrip({ host, port: echo.port }, bytes)));
      assert(echoed.every((bytes, index) => bytes.equals(data[index] as Buffer)));
      const stdout = await echo.stop();
      assert(
        stdout.startsWith(`listening on 127.0.0.1:${echo.port} (${driver})\ntry it: ncat 127.0.0.1 ${echo.port}\n`),
      );
      assert.match(stdout, /^opened /m);
      assert.match(stdout, /^totals: 10 connections, \d+ messages, 1800010 bytes in \d+\.\d seconds\n$/m);
    });

    test('names the peer if there is one', async () => {
      const echo = await startEcho(driver);
      const client = await connectClient({ host, port: echo.port });
      const { localPort } = client;
      await echo.child.says(new RegExp(`^opened 127\\.0\\.0\\.1:${localPort} \\(connections 1\\)$`, 'm'));
      client.end('hello');
      assert.equal(String(await readAll(client)), 'hello');
      await echo.child.says(new RegExp(`closed 127\\.0\\.0\\.1:${localPort} \\(received 5 bytes\\)`));
      await echo.stop('SIGINT');
    });

    test('closes idle connections at a signal', async () => {
      const echo = await startEcho(driver, '--json');
      const clients = await Promise.all(Array.from({ length: 5 }, () => connectClient({ host, port: echo.port })));
      const ends = clients.map(async (client) => {
        const data = await readAll(client);
        client.destroy();
        return data.length;
      });
      // Connected is not yet accepted, and closing a listener resets connections that it has not handed out.
      await echo.child.says(/"connections":5,/);
      const stdout = await echo.stop();
      assert.deepEqual(await Promise.all(ends), [0, 0, 0, 0, 0]);
      assert.match(stdout, /"event":"totals","connections":5,"messages":0,"bytes":0,/);
    });

    test('echoes bytes in flight at a signal', async () => {
      const echo = await startEcho(driver, '--json', '--drain-timeout', '60000');
      const client = await connectClient({ host, port: echo.port });
      const data = someBytes(LARGE_BYTES);
      client.pause();
      client.end(data);
      // Nothing is read: in the end the server holds data that it cannot send, and receives no more.
      await still(echo);
      echo.child.process.kill('SIGTERM');
      await refused(echo.port);
      const echoed = await readAll(client);
      assert(echoed.equals(data));
      const { exitCode, stdout, stderr } = await echo.child.ended;
      assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
      assert.equal(events(stdout, 'totals')[0]?.bytes, LARGE_BYTES);
    });

    test('does not wait longer than --drain-timeout', async () => {
      const echo = await startEcho(driver, '--json', '--drain-timeout', '200');
      const client = await connectClient({ host, port: echo.port });
      client.on('error', () => undefined);
      client.pause();
      client.write(someBytes(LARGE_BYTES));
      const closed = new Promise((resolve) => client.once('close', resolve));
      await echo.child.says(/"event":"activity".*"bytes":[1-9]/);
      assert.match(await echo.stop(), /"event":"totals","connections":1,/);
      client.resume();
      await closed;
    });

    test('ends at once at a second signal', async () => {
      const echo = await startEcho(driver, '--json', '--drain-timeout', '60000');
      const client = await connectClient({ host, port: echo.port });
      client.on('error', () => undefined);
      client.pause();
      client.write(someBytes(LARGE_BYTES));
      await echo.child.says(/"event":"activity".*"bytes":[1-9]/);
      echo.child.process.kill('SIGINT');
      await refused(echo.port);
      echo.child.process.kill('SIGINT');
      assert.equal((await echo.child.ended).exitCode, 130);
      client.destroy();
    });

    test('a peer that never reads does not delay others', async () => {
      const echo = await startEcho(driver, '--quiet', '--drain-timeout', '0');
      const greedy = await Promise.all(Array.from({ length: 80 }, () => connectClient({ host, port: echo.port })));
      for (const client of greedy) {
        client.on('error', () => undefined);
        client.pause();
        client.write(FLOOD);
      }
      for (let count = 0; count < 20; count++) {
        const data = someBytes(100_000);
        assert((await roundTrip({ host, port: echo.port }, data)).equals(data));
      }
      await echo.stop();
      for (const client of greedy) {
        client.destroy();
      }
    });

    test('writes at most one line a second under load', async () => {
      const echo = await startEcho(driver, '--json');
      const linesWritten = (): number => echo.child.stdout.split('"event":"activity"').length - 1;
      while (linesWritten() < 3) {
        assert.equal(String(await roundTrip({ host, port: echo.port }, Buffer.from('x'))), 'x');
      }
      const stdout = await echo.stop();
      const [totals] = events(stdout, 'totals');
      const activity = events(stdout, 'activity');
      // By the server's own clock, in whole ms. The last line is of the end, which does not wait.
      const times = activity.slice(0, -1).map((line) => Number(line.seconds));
      assert(times.length >= 2);
      assert(
        times.every((time, index) => index === 0 || time - (times[index - 1] as number) > 0.998),
        String(times),
      );
      const sum = (key: string): number => activity.reduce((total, line) => total + Number(line[key]), 0);
      assert.deepEqual(
        [sum('opened'), sum('messages'), sum('bytes')],
        [totals?.connections, totals?.messages, totals?.bytes],
      );
      assert.deepEqual(events(stdout, 'listening'), [
        { event: 'listening', host, port: echo.port, driver, skippedDrivers: [] },
      ]);
    });

    test('listens on a Unix socket, and removes it', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'overlapped-'));
      const path = join(directory, 'echo.sock');
      try {
        const child = startCli(['echo', '--path', path, '--driver', driver]);
        await child.says(/try it: ncat -U /);
        const data = someBytes(300_000);
        assert((await roundTrip({ path }, data)).equals(data));
        child.process.kill('SIGTERM');
        const { exitCode, stdout, stderr } = await child.ended;
        assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
        assert(stdout.startsWith(`listening on ${path} (${driver})\n`));
        assert.throws(() => rmSync(path), { code: 'ENOENT' });
      } finally {
        rmSync(directory, { recursive: true });
      }
    });

    test('ends without an error message when nobody reads its output', async () => {
      const echo = await startEcho(driver);
      echo.child.process.stdout?.destroy();
      // A line that nobody reads ends the server: for this connection or an earlier one, and then this one may be
      // refused.
      const visit = async (): Promise<void> => {
        const client = await connectClient({ host, port: echo.port });
        await readAll(client).finally(() => client.destroy());
      };
      await visit().catch(() => undefined);
      const { exitCode, stderr } = await echo.child.ended;
      assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    });
  });
}

test('echo listens on IPv6 and on names', async () => {
  const child = startCli(['echo', '--host', '::1', '--port', '0']);
  const match = await child.says(/listening on \[::1\]:(\d+) /);
  assert.equal(String(await roundTrip({ host: '::1', port: Number(match[1]) }, Buffer.from('six'))), 'six');
  child.process.kill('SIGTERM');
  assert.equal((await child.ended).exitCode, 0);
  const named = startCli(['echo', '--host', 'localhost', '--port', '0']);
  await named.says(/listening on (127\.0\.0\.1|\[::1\]):\d+ /);
  named.process.kill('SIGTERM');
  assert.equal((await named.ended).exitCode, 0);
});
