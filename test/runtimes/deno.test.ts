/** overlapped in Deno. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runtimeFor } from '../../bench/contenders/runtimes.js';
import { Child } from '../support/child.js';
import { MAIN, OF_LINUX, runtimeSuite } from './suite.js';

runtimeSuite('deno', {
  program: ['run', '--allow-all', '--quiet'],
  tests: ['test', '--allow-all', '--no-check'],
  drivers: [...OF_LINUX, 'node'],
});

const found = runtimeFor('deno');

test('Deno that allows no native code takes the driver node', {
  skip: 'missing' in found && found.missing,
}, async () => {
  const path = 'path' in found ? found.path : '';
  const { stdout, stderr } = await new Child(MAIN, ['doctor', '--json'], {
    runtime: [path, 'run', '--allow-read', '--allow-net', '--allow-sys', '--allow-env', '--quiet', '--no-prompt'],
  }).ended;
  assert.notEqual(stdout, '', stderr);
  const { auto, drivers, tls } = JSON.parse(stdout);
  assert.equal(auto, 'node');
  assert.match(`${drivers[0].reason}; ${drivers[0].advice}`, /^Deno allows no native code here; use --allow-ffi$/);
  assert.equal(tls.usable, false);
});
