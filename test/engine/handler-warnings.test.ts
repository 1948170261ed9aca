/** Warnings of the default sink for failing handlers: the handler, the peer, and a bounded number of lines. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { listen } from 'overlapped';
import { WARNINGS_MAX, WarningLimit } from '../../src/engine/connection-core/handler-errors.js';
import { programPath, runProgram } from '../support/child.js';
import { eventually } from '../support/harness.js';
import { connectNode } from '../support/node-client.js';

const TIMEOUT = { timeout: 60_000 };

/** The first lines of warnings. */
function warningsOf(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line.includes('OverlappedHandlerWarning: '));
}

describe('warnings of failing handlers', () => {
  test('a warning names the handler and the peer, and has the stack', TIMEOUT, async () => {
    const { exitCode, stderr, stdout } = await runProgram('failing-handlers', ['1', 'auto']);
    assert.equal(exitCode, 0, stderr);
    const { addresses } = JSON.parse(stdout) as { addresses: string[] };
    const [warning, ...more] = warningsOf(stderr);
    assert.equal(more.length, 0);
    assert.match(warning as string, /Handler data of the connection from 127\.0\.0\.1:\d+ failed: Cannot read prop/);
    assert(warning?.includes(addresses[0] as string), warning);
    assert.match(stderr, /\n {4}at \S*readName .*failing-handlers\./);
  });

  test('a flood of warnings prints a bounded number of them, and counts all', TIMEOUT, async () => {
    const { exitCode, stderr, stdout } = await runProgram('failing-handlers', ['200', 'auto']);
    assert.equal(exitCode, 0, stderr);
    assert.equal((JSON.parse(stdout) as { handlerErrors: number }).handlerErrors, 200);
    assert.equal(warningsOf(stderr).length, WARNINGS_MAX);
  });

  test('after each interval one line gives the number of warnings that were not printed', () => {
    const reported: number[] = [];
    const intervals: (() => void)[] = [];
    const limit = new WarningLimit(
      (suppressed) => reported.push(suppressed),
      (over) => intervals.push(over),
    );
    const allowed = (count: number): number =>
      Array.from({ length: count }, () => limit.allows()).filter(Boolean).length;
    assert.deepEqual([allowed(25), intervals.length], [WARNINGS_MAX, 1]);
    intervals.shift()?.();
    assert.deepEqual([reported, allowed(3)], [[25 - WARNINGS_MAX], 3]);
    intervals.shift()?.();
    assert.deepEqual([reported.length, intervals.length], [1, 0]);
  });

  test('with threads, the main thread gets the handler, the peer and the thread', TIMEOUT, async () => {
    const reported: unknown[] = [];
    const server = await listen({
      threads: 1,
      module: programPath('echo-handlers'),
      host: '127.0.0.1',
      port: 0,
      onHandlerError: (error, info) => reported.push([(error as Error).message, (error as Error).stack, info]),
    });
    const { address } = server;
    const client = await connectNode(address.family === 'unix' ? address.path : address.port);
    const { localPort } = client.socket;
    client.socket.write('fail');
    await eventually(() => reported.length === 1, 'the report');
    await server.close({ deadlineMs: 0 });
    const [[message, stack, info]] = reported as [[string, string, object]];
    assert.equal(message, 'Failed on demand');
    assert.match(stack, /at obey .*echo-handlers/);
    assert.deepEqual(info, {
      handler: 'data',
      connection: undefined,
      remoteAddress: { family: 'ipv4', address: '127.0.0.1', port: localPort },
      thread: 0,
    });
  });
});
