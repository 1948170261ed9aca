/**
 * The one command that checks everything: dependencies and build (types with it), lint and format, tests. Words as
 * arguments choose the test files whose name contains one of them; arguments with a dash go to Node's test runner.
 */

import { join } from 'node:path';
import { runSuite, testFiles } from './suite.js';
import { fail, ROOT, run, TIMED_OUT } from './tools.js';

const words = process.argv.slice(2).filter((arg) => !arg.startsWith('-'));
const args = process.argv.slice(2).filter((arg) => arg.startsWith('-'));

step(join(ROOT, 'scripts/prepare.js'), []);
step(join(ROOT, 'node_modules/@biomejs/biome/bin/biome'), ['check', '--error-on-warnings', '.']);

const files = testFiles(words);
if (files.length === 0) {
  fail(
    words.length === 0
      ? 'Cannot test: found no test file'
      : `Cannot test: no test file's name contains ${words.join(' or ')}`,
  );
}
const { passed, failed, exitCode } = runSuite(process.execPath, files, { args });
if (exitCode !== 0) {
  if (exitCode === TIMED_OUT) {
    console.error('test: Cannot finish: a test file did not end in time');
  } else if (passed + failed === 0) {
    console.error('test: Cannot pass: no test was executed');
  }
  // The runner's own counts are above the list of what failed, and may be far up by now.
  console.log(`${passed} passed, ${Math.max(failed, 1)} failed`);
}
process.exit(exitCode);

function step(script, scriptArgs) {
  const { exitCode } = run(process.execPath, [script, ...scriptArgs]);
  if (exitCode !== 0) {
    process.exit(exitCode);
  }
}
