/**
 * The one command that checks everything: dependencies and build (types with it), the types of the scripts and
 * of the declarations as users compile them, lint and format, tests,
 * and where Wine is installed the tests on Windows. Words choose the test files whose path contains one of them; arguments
 * with a dash go to Node and its test runner. OVERLAPPED_WINDOWS=required makes a missing Wine a failure.
 */

import { join } from 'node:path';
import { nodeAt, printCounts, runSuite } from './suite.js';
import { chosenBy, noTestFile, testFiles, windowsTestFiles, wineTestFiles } from './test-files.js';
import { keepSeconds, longestFirst } from './test-seconds.js';
import { fail, ROOT, run } from './tools.js';
import { wineMissing } from './wine.js';

const windowsRequired = process.env.OVERLAPPED_WINDOWS === 'required';
const { words, args } = chosenBy(process.argv.slice(2));

step('scripts/prepare.js');
step('node_modules/typescript/bin/tsc', '--project', 'scripts');
step('node_modules/typescript/bin/tsc', '--project', 'scripts/declarations');
step('node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.');

const files = testFiles(words);
const windowsFiles = [...windowsTestFiles(words), ...wineTestFiles(words)];
if (files.length + windowsFiles.length === 0) {
  fail(noTestFile(words));
}
const here = files.length > 0 ? await testHere() : undefined;
const windowsExitCode = windowsFiles.length > 0 || (windowsRequired && words.length === 0) ? testWindows() : 0;
if (here !== undefined) {
  printCounts(process.platform, here);
}
process.exit(here === undefined || here.exitCode === 0 ? windowsExitCode : here.exitCode);

async function testHere() {
  const result = await runSuite(nodeAt(process.execPath), longestFirst(process.platform, files), { args });
  if (args.length === 0) {
    keepSeconds(process.platform, result.seconds);
  }
  return result;
}

/** Without Wine it is a failure only where it is required, or where nothing else was to be tested. */
function testWindows() {
  const missing = wineMissing();
  if (missing === undefined) {
    return run(process.execPath, [join(ROOT, 'scripts/test-windows.js'), ...process.argv.slice(2)]).exitCode;
  }
  console.log(`test: The tests on Windows did not run: ${missing}`);
  return windowsRequired || files.length === 0 ? 1 : 0;
}

/**
 * @param {string} script
 * @param {string[]} scriptArgs
 */
function step(script, ...scriptArgs) {
  const { exitCode } = run(process.execPath, [join(ROOT, script), ...scriptArgs]);
  if (exitCode !== 0) {
    process.exit(exitCode);
  }
}
