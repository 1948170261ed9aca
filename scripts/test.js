/**
 * The one command that checks everything: dependencies and build (types with it), lint and format, tests, and where
 * Wine is installed the tests on Windows. Words as arguments choose the test files whose name contains one of them;
 * arguments with a dash go to Node's test runner. OVERLAPPED_WINDOWS=required makes a missing Wine a failure.
 */

import { join } from 'node:path';
import { chosenBy, nodeAt, runSuite, sayCounts, testFiles, windowsTestFiles, wineTestFiles } from './suite.js';
import { fail, ROOT, run } from './tools.js';
import { wineMissing } from './wine.js';

const windowsRequired = process.env.OVERLAPPED_WINDOWS === 'required';
const { words, args } = chosenBy(process.argv.slice(2));

step(join(ROOT, 'scripts/prepare.js'), []);
step(join(ROOT, 'node_modules/@biomejs/biome/bin/biome'), ['check', '--error-on-warnings', '.']);

const files = testFiles(words);
const windowsFiles = [...windowsTestFiles(words), ...wineTestFiles(words)];
if (files.length + windowsFiles.length === 0) {
  fail(
    words.length === 0
      ? 'Cannot test: found no test file'
      : `Cannot test: no test file's name contains ${words.join(' or ')}`,
  );
}
const here = files.length > 0 ? await runSuite(nodeAt(process.execPath), files, { args }) : undefined;
const windowsExitCode = windowsFiles.length > 0 || (windowsRequired && words.length === 0) ? testWindows() : 0;
if (here !== undefined) {
  sayCounts(process.platform, here);
}
process.exit(here === undefined || here.exitCode === 0 ? windowsExitCode : here.exitCode);

/** Without Wine it is a failure only where it is required, or where nothing else was to be tested. */
function testWindows() {
  const missing = wineMissing();
  if (missing === undefined) {
    return run(process.execPath, [join(ROOT, 'scripts/test-windows.js'), ...process.argv.slice(2)]).exitCode;
  }
  console.log(`test: The tests on Windows did not run: ${missing}`);
  return windowsRequired || files.length === 0 ? 1 : 0;
}

function step(script, scriptArgs) {
  const { exitCode } = run(process.execPath, [script, ...scriptArgs]);
  if (exitCode !== 0) {
    process.exit(exitCode);
  }
}
