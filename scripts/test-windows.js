/**
 * Runs the built tests that are meant for Windows under Windows' Node in Wine, and those of this system that start
 * programs there. Words and arguments with a dash are as for `npm test`.
 */

import { join } from 'node:path';
import { chosenBy, nodeAt, runSuite, sayCounts, windowsTestFiles, wineTestFiles } from './suite.js';
import { fail, ROOT, run } from './tools.js';
import { openWindowsNode, runWindowsNode } from './windows-node.js';
import { wineMissing } from './wine.js';
import { wasLost } from './wine-server.js';

/** All Windows processes share one server process of Wine: with two files at a time, each would measure the other. */
const CONCURRENCY = 1;
/** And each of their calls about a handle is a request to it: the contract suite takes minutes. */
const PATIENCE = 3;

const { words, args } = chosenBy(process.argv.slice(2));

const missing = wineMissing();
if (missing !== undefined) {
  fail(`Cannot test on Windows: ${missing}`);
}
const prepared = run(process.execPath, [join(ROOT, 'scripts/prepare.js')]);
if (prepared.exitCode !== 0) {
  process.exit(prepared.exitCode);
}
const files = windowsTestFiles(words);
const clients = wineTestFiles(words);
if (files.length + clients.length === 0) {
  fail(`Cannot test on Windows: found no test file for it${words.length > 0 ? ` named ${words.join(' or ')}` : ''}`);
}
const bounds = { args, concurrency: CONCURRENCY, patience: PATIENCE };
const results = [];
if (clients.length > 0) {
  // Before this process takes its own turn in Wine's prefix: each of their programs takes one.
  results.push(['wine', await runWithWine(nodeAt(process.execPath), clients)]);
}
if (files.length > 0) {
  await openWindowsNode();
  results.push(['windows', await runWithWine(runWindowsNode, files)]);
}
for (const [name, result] of results) {
  sayCounts(name, result);
}
process.exit(results.find(([, { exitCode }]) => exitCode !== 0)?.[1].exitCode ?? 0);

/** A crash of Wine's server says nothing of what is tested: then all runs once more. A second one is a failure. */
async function runWithWine(runNode, testFiles) {
  wasLost();
  const result = await runSuite(runNode, testFiles, bounds);
  if (result.exitCode === 0 || !wasLost()) {
    return result;
  }
  console.log("test: Wine's server crashed; its tests run once more");
  return runSuite(runNode, testFiles, bounds);
}
