/** A whole run of the tests gives files that fail a second chance, and reports what has failed. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { after, test } from 'node:test';
import { ROOT } from '../support/packing.js';

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly exitCode: number;
  readonly failures: readonly { readonly name: string; readonly reason: string }[];
}

const { nodeAt, runSuite } = await import(new URL('../../../scripts/suite.js', import.meta.url).href);

mkdirSync(join(ROOT, '.cache'), { recursive: true });
const folder = mkdtempSync(join(ROOT, '.cache/second-run-'));
after(() => rmSync(folder, { recursive: true }));

/** Writes a test file with one test, and one that passes. */
function testFile(name: string, body: string): string {
  const path = join(folder, `${name}.test.js`);
  writeFileSync(
    path,
    `import { strict as assert } from 'node:assert';
    import { existsSync, writeFileSync } from 'node:fs';
    import { test } from 'node:test';
    test('steady', () => undefined);
    test('${name}', () => { ${body} });`,
  );
  return relative(ROOT, path);
}

function runFiles(files: readonly string[], again: boolean): Promise<Counts & { readonly second?: Counts }> {
  return runSuite(nodeAt(process.execPath), files, { again, quiet: true });
}

test('a file that fails once is run again, and its second result counts', { timeout: 60_000 }, async () => {
  const marker = JSON.stringify(join(folder, 'marker'));
  const flaky = testFile(
    'flaky',
    `if (!existsSync(${marker})) { writeFileSync(${marker}, ''); assert.fail('the first time'); }`,
  );
  const steady = testFile('as-steady', '');
  const first = await runFiles([flaky, steady], true);
  assert.deepEqual([first.passed, first.failed, first.exitCode], [3, 1, 1]);
  assert.deepEqual(
    first.failures.map(({ name }) => name),
    ['flaky'],
  );
  assert.match(first.failures[0]?.reason ?? '', /the first time/);
  // The other file is not run again.
  assert.deepEqual([first.second?.passed, first.second?.failed, first.second?.exitCode], [2, 0, 0]);
});

test('a file that fails twice has failed, and chosen files have no second chance', { timeout: 60_000 }, async () => {
  const broken = testFile('broken', "assert.fail('each time')");
  const { second } = await runFiles([broken], true);
  assert.deepEqual([second?.passed, second?.failed, second?.exitCode], [1, 1, 1]);
  const once = await runFiles([broken], false);
  assert.deepEqual([once.second, once.exitCode], [undefined, 1]);
});
