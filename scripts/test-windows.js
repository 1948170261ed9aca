/**
 * Runs the built tests that are meant for Windows under Windows' Node in Wine, and those of this system that start
 * programs there. Words and arguments with a dash are as for `npm test`.
 */

import { join } from 'node:path';
import { printCounts, totalOf } from './suite.js';
import { chosenBy, noTestFile, windowsTestFiles, wineTestFiles } from './test-files.js';
import { keepSeconds, shardsOf } from './test-seconds.js';
import { fail, ROOT, run } from './tools.js';
import { WindowsRunner } from './windows-runner.js';
import { wineMissing } from './wine.js';

/** @import { NamedResult } from './windows-runner.js' */

/** Each has a server process of Wine for itself. `npm run windows` uses the first one too. */
const PREFIXES = ['prefix', 'prefix-2'];
const SYSTEM = 'windows';

const chosen = chosenBy(process.argv.slice(2));
const { words, args } = chosen;

const missing = wineMissing();
if (missing !== undefined) {
  fail(`Cannot test on Windows: ${missing}`);
}
const prepared = run(process.execPath, [join(ROOT, 'scripts/prepare.js')]);
if (prepared.exitCode !== 0) {
  process.exit(prepared.exitCode);
}
const wineFiles = wineTestFiles(words);
const windowsFiles = windowsTestFiles(chosen);
if (wineFiles.length + windowsFiles.length === 0) {
  fail(noTestFile(words));
}
const shards = shardsOf(SYSTEM, [...wineFiles, ...windowsFiles], PREFIXES.length);
const runners = shards.map((shard, index) => {
  const [wine, windows] = [wineFiles, windowsFiles].map((all) => shard.filter((file) => all.includes(file)));
  return new WindowsRunner(PREFIXES[index] ?? 'prefix', { wine: wine ?? [], windows: windows ?? [], args });
});
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.on(signal, () => runners.forEach((runner) => runner.kill(signal)));
}
/** @type {NamedResult[]} */
const results = [];
for (const runner of runners) {
  // One report after the other, each as it grows.
  runner.show();
  results.push(...(await runner.ended));
}
if (args.length === 0) {
  keepSeconds(SYSTEM, Object.assign({}, ...results.map(({ seconds }) => seconds)));
}
let exitCode = 0;
for (const name of new Set(results.map((result) => result.name))) {
  const total = totalOf(results.filter((result) => result.name === name));
  printCounts(name, total);
  exitCode ||= total.exitCode;
}
process.exit(exitCode);
