/** The script that runs Node's own tests, on a small tree of tests. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../../scripts/node-tests.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'overlapped-node-tests-'));
after(() => rmSync(folder, { recursive: true }));

const TESTS = {
  'parallel/test-net-passes.js': '',
  'parallel/test-net-flags.js': "// Flags: --expose-gc --no-warnings\nif (!globalThis.gc) throw new Error('no flag')",
  'parallel/test-net-fails.js': "throw new Error('always')",
  'parallel/test-http-lost.js': "if (process.env.PRELOADED) throw new TypeError('lost with it')",
  'parallel/test-http-won.js': "if (!process.env.PRELOADED) throw new Error('lost without it')",
  'parallel/test-http-inside.js': "// process.binding('tcp_wrap')\nif (process.env.PRELOADED) process.exit(3)",
  'parallel/test-http2-other.js': "throw new Error('not chosen')",
  'parallel/test-stream-plain.js': "throw new Error('uses no sockets')",
  'parallel/test-stream-sockets.js': "require('net')",
  'sequential/test-net-skipped.js': "console.log('1..0 # Skipped: not here')",
};
for (const name of ['common', 'parallel', 'sequential']) {
  mkdirSync(join(folder, name));
}
for (const [name, text] of Object.entries(TESTS)) {
  writeFileSync(join(folder, name), text);
}
writeFileSync(join(folder, 'preload.cjs'), "process.env.PRELOADED = 'yes'");

function runScript(...words: string[]): { status: number | null; output: string } {
  const options = ['--tests', folder, '--results', join(folder, 'results')];
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...options, ...words], { encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}

describe("the runner of Node's own tests", () => {
  test('prints what stock Node passes', () => {
    const { status, output } = runScript('net', 'http', 'stream');
    assert.equal(status, 0, output);
    assert.match(output, /^│ net +│ 4 +│ 2 +│ 1 +│ 0 +│ 1 +│$/m);
    assert.match(output, /^│ stream +│ 1 +│ 1 +│/m);
    assert.match(output, /failed on stock Node:\n {2}parallel\/test-http-won\.js\n {6}Error: lost without it\n/);
    assert.doesNotMatch(output, /not chosen|uses no sockets/);
    assert.match(output, /^5 passed, 2 failed, 1 skipped$/m);
  });

  test('fails for what fails with the preload only', () => {
    const { status, output } = runScript('--preload', join(folder, 'preload.cjs'), '--with', 'require', 'http');
    assert.equal(status, 1, output);
    assert.match(output, /^│ http +│ 3 +│ 0 +│ 0 +│ 2 +│ 1 +│ 0 +│ 0 +│$/m);
    assert.match(output, /with the preload only:\n.*test-http-inside\.js \(looks inside\)\n {6}exit code 3\n/);
    assert.match(output, /test-http-lost\.js\n {6}TypeError: lost with it\n/);
    assert.match(output, /passed with the preload only:\n {2}parallel\/test-http-won\.js\n/);
  });

  test('says that a preload, a tree or a test does not exist', () => {
    const missing = runScript('--preload', 'overlapped/no-such-entry');
    assert.equal(missing.status, 1);
    assert.match(missing.output, /Cannot load overlapped\/no-such-entry/);
    assert.match(runScript('no-such-test').output, /no test of these areas has such a name/);
    assert.match(runScript('--tests', join(folder, 'results')).output, /has no folders parallel and common/);
  });
});
