/**
 * Runs the built tests that are meant for Windows under Windows' Node in Wine. Words and arguments with a dash are as
 * for `npm test`.
 */

import { join } from 'node:path';
import { chosenBy, runSuite, sayCounts, windowsTestFiles } from './suite.js';
import { fail, ROOT, run } from './tools.js';
import { openWindowsNode, runWindowsNode } from './windows-node.js';
import { wineMissing } from './wine.js';

/** All Windows processes share one server process of Wine: with two files at a time, each would measure the other. */
const CONCURRENCY = 1;

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
if (files.length === 0) {
  fail(`Cannot test on Windows: found no test file for it${words.length > 0 ? ` named ${words.join(' or ')}` : ''}`);
}
await openWindowsNode();
const result = await runSuite(runWindowsNode, files, { args, concurrency: CONCURRENCY });
sayCounts('windows', result);
process.exit(result.exitCode);
