/** The exports of each entry of the package at run time: the public API, and nothing else. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import * as index from 'overlapped';
import * as port from 'overlapped/port';

test('the index exports listen, connect, Engine, and what their errors and addresses need', () => {
  assert.deepEqual(Object.keys(index).sort(), [
    'CLOSE_REASONS',
    'Engine',
    'OperationError',
    'connect',
    'createSecureContext',
    'formatAddress',
    'listen',
  ]);
});

test('overlapped/port exports the completion port, and the same errors and addresses', () => {
  assert.deepEqual(Object.keys(port).sort(), [
    'CompletionBatch',
    'CompletionPort',
    'OperationError',
    'formatAddress',
    'postWakeUp',
    'probeDrivers',
  ]);
  assert.equal(port.OperationError, index.OperationError);
});

test('no entry loads node:crypto and node:tls, which take milliseconds and are needed for TLS only', () => {
  for (const entry of ['overlapped', 'overlapped/net', 'overlapped/port', 'overlapped/register']) {
    const script = `
      const before = new Set(process.moduleLoadList);
      await import(${JSON.stringify(import.meta.resolve(entry))});
      console.log(process.moduleLoadList.filter((name) => !before.has(name)).join());`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
    });
    assert.equal(stderr, '');
    assert.match(stdout, /NativeModule net,/);
    assert.doesNotMatch(stdout, /NativeModule (?:crypto|tls|_tls_wrap)\b/);
  }
});
