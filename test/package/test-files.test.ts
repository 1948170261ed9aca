/** The test files that `OVERLAPPED_DRIVER` chooses for `npm test` (scripts/test-files.js). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DRIVER_NAMES } from '../../src/drivers/driver.js';

interface TestFiles {
  suitesOf(driver: string): string[];
  testFiles(words: readonly string[], system: string): string[];
}

const { suitesOf, testFiles }: TestFiles = await import(
  new URL('../../../scripts/test-files.js', import.meta.url).href
);

for (const driver of DRIVER_NAMES) {
  test(`the words for the driver ${driver} choose its contract suite and the engine's`, () => {
    const name = driver.replace('_', '-');
    const files = testFiles(suitesOf(driver), driver === 'iocp' ? 'win32' : 'linux');
    for (const expected of [`drivers/${name}/${name}`, `engine/${name}`]) {
      assert(files.includes(`dist/test/${expected}.test.js`), `${files} lacks ${expected}`);
    }
  });
}
