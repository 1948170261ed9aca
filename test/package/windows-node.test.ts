/** Windows' Node itself, and koffi on it: what every other test on Windows rests on. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Library } from '../../src/ffi/library.js';

test('this is Windows, and koffi can call kernel32', () => {
  assert.equal(process.platform, 'win32');
  const kernel = new Library('kernel32.dll');
  assert.equal(kernel.declare('uint32_t __stdcall GetCurrentProcessId()')(), process.pid);
});
