/** The exports of each entry of the package at run time: the public API, and nothing else. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as index from 'overlapped';
import * as port from 'overlapped/port';

test('the index exports listen, connect, Engine, and what their errors and addresses need', () => {
  assert.deepEqual(Object.keys(index).sort(), [
    'CLOSE_REASONS',
    'Engine',
    'OperationError',
    'connect',
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
