/**
 * Runs the built tests that are meant for Windows under Windows' Node in Wine, and those of this system that start
 * programs there. Words and arguments with a dash are as for `npm test`.
 */

import { join } from 'node:path';
import { mayRunAgain, printResult, totalOf } from './suite.js';
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
const { given, words, args } = chosen;

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
/** @type {WindowsRunner[]} */
const runners = [];
for (const [index, shard] of shards.entries()) {
  const wine = shard.filter((file) => wineFiles.includes(file));
  startRunner(index, { wine, windows: shard.filter((file) => !wine.includes(file)) });
}
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.on(signal, () => runners.forEach((runner) => runner.kill(signal)));
}
/** @type {NamedResult[]} */
const results = [];
for (const runner of runners) {
  results.push(...(await shown(runner)));
}
if (args.length === 0) {
  keepSeconds(SYSTEM, Object.assign({}, ...results.map(({ seconds }) => seconds)));
}
let exitCode = 0;
for (const name of /** @type {const} */ (['wine', 'windows'])) {
  const parts = results.filter((result) => result.name === name);
  if (parts.length > 0) {
    exitCode = Math.max(exitCode, printResult(name, await completed(name, parts)));
  }
}
process.exit(exitCode);

/**
 * The results of a runner whose report is shown as it grows, one runner's after the other's.
 * @param {WindowsRunner} runner
 */
function shown(runner) {
  runner.show();
  return runner.ended;
}

/**
 * The results of the shards as one, after a second run of the files that failed: see `runSuite`.
 * @param {'wine' | 'windows'} name
 * @param {NamedResult[]} parts
 */
async function completed(name, parts) {
  const first = totalOf(parts);
  const failedFiles = parts.flatMap((part) => part.failedFiles);
  if (given.length > 0 || !mayRunAgain({ exitCode: first.exitCode, failedFiles })) {
    return first;
  }
  const again = startRunner(0, { [name]: failedFiles });
  return { ...first, second: totalOf(await shown(again)) };
}

/**
 * Starts to run files in one of the prefixes.
 * @param {number} index
 * @param {{ wine?: string[], windows?: string[] }} files
 */
function startRunner(index, { wine = [], windows = [] }) {
  const runner = new WindowsRunner(PREFIXES[index] ?? 'prefix', { wine, windows, args });
  runners.push(runner);
  return runner;
}
