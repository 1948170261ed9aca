/**
 * The one command that checks everything: dependencies and build (types with it), the types of the scripts and
 * of the declarations as users compile them, lint and format, tests,
 * and where Wine is installed the tests on Windows at the same time. Words choose the test files whose path contains one of them; arguments
 * with a dash go to Node and its test runner. OVERLAPPED_DRIVER=node without words runs the contract's and the engine's tests
 * on that driver. OVERLAPPED_WINDOWS=required makes a missing Wine a failure.
 */

import { join } from 'node:path';
import { HiddenRun } from './hidden-run.js';
import { nodeAt, printResult, runSuite } from './suite.js';
import { chosenBy, noTestFile, testFiles, windowsTestFiles, wineTestFiles } from './test-files.js';
import { keepSeconds, longestFirst } from './test-seconds.js';
import { fail, ROOT, run } from './tools.js';
import { wineMissing } from './wine.js';

const windowsRequired = process.env.OVERLAPPED_WINDOWS === 'required';
const chosen = chosenBy(process.argv.slice(2));
const { given, words, args } = chosen;

step('scripts/prepare.js');
step('node_modules/typescript/bin/tsc', '--project', 'scripts');
step('node_modules/typescript/bin/tsc', '--project', 'scripts/declarations');
step('node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.');

const files = testFiles(words);
const windowsFiles = process.platform === 'win32' ? [] : [...windowsTestFiles(chosen), ...wineTestFiles(words)];
if (files.length + windowsFiles.length === 0) {
  fail(noTestFile(words));
}
// At the same time: most of the tests wait, and none of them asserts a speed.
const windows = windowsFiles.length > 0 || (windowsRequired && words.length === 0) ? startWindows() : undefined;
const here = files.length > 0 ? await testHere() : undefined;
const windowsExitCode = (await windows?.end()) ?? 0;
const exitCode = here === undefined ? 0 : printResult(process.platform, here);
process.exit(exitCode || windowsExitCode);

async function testHere() {
  const options = { args, again: given.length === 0 };
  const result = await runSuite(nodeAt(process.execPath), longestFirst(process.platform, files), options);
  if (args.length === 0) {
    keepSeconds(process.platform, result.seconds);
  }
  return result;
}

/**
 * Starts the tests on Windows. `end` shows their report when that of this system is complete, and resolves to the exit
 * code. Without Wine it is a failure only where it is required, or where nothing else was to be tested.
 * @returns {{ end(): Promise<number> }}
 */
function startWindows() {
  const missing = wineMissing();
  if (missing === undefined) {
    return new HiddenRun(process.execPath, [join(ROOT, 'scripts/test-windows.js'), ...given, ...args]);
  }
  const exitCode = windowsRequired || files.length === 0 ? 1 : 0;
  return {
    async end() {
      console.log(`test: The tests on Windows did not run: ${missing}`);
      return exitCode;
    },
  };
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
