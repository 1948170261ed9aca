/**
 * Runs the built tests that are meant for Windows under Windows' Node in Wine, and those of this system that start
 * programs there. Words and arguments with a dash are as for `npm test`.
 */

import { join } from 'node:path';
import { sharesOf } from './shares.js';
import { chosenBy, sayCounts, totalOf, windowsTestFiles, wineTestFiles } from './suite.js';
import { fail, ROOT, run } from './tools.js';
import { WindowsRunner } from './windows-runner.js';
import { wineMissing } from './wine.js';

/** Each has a server process of Wine for itself. The first is what `npm run windows` uses too. */
const PREFIXES = ['prefix', 'prefix-2'];

const { words, args } = chosenBy(process.argv.slice(2));

const missing = wineMissing();
if (missing !== undefined) {
  fail(`Cannot test on Windows: ${missing}`);
}
const prepared = run(process.execPath, [join(ROOT, 'scripts/prepare.js')]);
if (prepared.exitCode !== 0) {
  process.exit(prepared.exitCode);
}
const files = { wine: wineTestFiles(words), windows: windowsTestFiles(words) };
const names = Object.keys(files).filter((name) => files[name].length > 0);
if (names.length === 0) {
  fail(`Cannot test on Windows: found no test file for it${words.length > 0 ? ` named ${words.join(' or ')}` : ''}`);
}
const runners = sharesOf([...files.wine, ...files.windows], PREFIXES.length).map((share, index) => {
  const [wine, windows] = [files.wine, files.windows].map((all) => all.filter((file) => share.includes(file)));
  return new WindowsRunner(PREFIXES[index], { wine, windows, args });
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => runners.forEach((runner) => runner.kill(signal)));
}
const results = [];
for (const runner of runners) {
  // One report after the other, each as it grows.
  runner.show();
  results.push(...(await runner.ended));
}
const totals = names.map((name) => [name, totalOf(results.filter((result) => result.name === name))]);
for (const [name, total] of totals) {
  sayCounts(name, total);
}
process.exit(totals.find(([, { exitCode }]) => exitCode !== 0)?.[1].exitCode ?? 0);
