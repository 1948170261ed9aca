/** `--threads` of `overlapped echo` and `overlapped bench`. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { someBytes } from '../support/harness.js';
import { system } from '../support/system.js';
import { connectClient, readAll, roundTrip, runCli, startEcho } from './process.js';

const host = '127.0.0.1';
const SHORT = ['--duration', `${0.3 * system.patience}`, '--warmup', '0.1', '--json'];

for (const driver of ['io_uring', 'epoll']) {
  test(`two threads echo on ${driver} the bytes of two threads, and their counts add up`, async () => {
    const echo = await startEcho(driver, '--threads', '2');
    const load = ['--threads', '2', '--connections', '5', '--pipeline', '3', '--driver', driver];
    const { exitCode, stdout, stderr } = await runCli(['bench', `${host}:${echo.port}`, ...load, ...SHORT]);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    const figures = JSON.parse(stdout);
    assert.deepEqual([figures.driver, figures.connections, figures.errors], [driver, 5, 0]);
    assert.ok(figures.messages > 0 && figures.latencyMicroseconds.p50 > 0);
    const said = await echo.stop();
    const [, bytes] = /^totals: 5 connections, \d+ messages, (\d+) bytes in /m.exec(said) ?? [];
    assert.equal(Number(bytes), figures.bytesChecked);
    assert.match(said, /^opened \d/m);
  });
}

test('threads echo bytes in flight at a signal, and close idle connections', async () => {
  const echo = await startEcho('auto', '--threads', '2', '--json');
  const data = someBytes(3_000_000);
  const quiet = await connectClient({ host, port: echo.port });
  const busy = await connectClient({ host, port: echo.port });
  busy.write(data.subarray(0, 1000));
  await new Promise((resolve) => busy.once('readable', resolve));
  busy.write(data.subarray(1000));
  const ended = Promise.all([readAll(busy), readAll(quiet)]);
  const stopped = echo.stop();
  const [echoed, nothing] = await ended;
  assert.ok(echoed.equals(data) && nothing.byteLength === 0);
  quiet.destroy();
  busy.destroy();
  assert.match(await stopped, /"event":"totals","connections":2,.*"bytes":3000000/);
});

test('an error in --threads, or in a thread, is one line', async () => {
  const echo = await startEcho('auto', '--quiet');
  const cases: [string[], RegExp, number][] = [
    [['echo', '--threads', '0'], /bad --threads "0": expected a whole number from 1 to 256/, 2],
    [['echo', '--threads', '2', '--driver', 'fast'], /unknown driver "fast"/, 2],
    [
      ['echo', '--threads', '2', '--host', host, '--port', `${echo.port}`],
      /cannot listen on .*\(EADDRINUSE\); stop/,
      2,
    ],
    [['bench', `${host}:${echo.port}`, '--threads', 'many'], /bad --threads "many"/, 2],
    [['bench', 'unix:/nowhere/at-all', '--threads', '2'], /cannot connect to .*: there is no such path \(ENOENT\)/, 1],
  ];
  for (const [parameters, line, code] of cases) {
    const { exitCode, stdout, stderr } = await runCli(parameters);
    assert.match(stderr, line);
    assert.deepEqual({ exitCode, stdout, lines: stderr.split('\n').length }, { exitCode: code, stdout: '', lines: 2 });
  }
  assert.equal(String(await roundTrip({ host, port: echo.port }, Buffer.from('still'))), 'still');
  await echo.stop();
});
