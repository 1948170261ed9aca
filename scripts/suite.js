/** Runs the built tests with Node's test runner, and counts what ran. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environmentOf, filesBelow, run, TIMED_OUT } from './tools.js';

const TESTS = 'dist/test';
const ENDING = '.test.js';

/** Test files that only Windows can run, by their paths in test/ without the ending: a folder, or one file. */
const WINDOWS_ONLY = [
  'drivers/iocp/',
  'drivers/select/windows',
  'engine/iocp',
  'ffi/windows-win32',
  'package/windows-node',
  'threads/windows',
];
/** Test files that run on Windows too. */
const WINDOWS_TOO = [
  'cli/bad-input',
  'cli/doctor',
  'drivers/select/select',
  'drivers/thread-pool',
  'engine/select',
  'examples/port',
  'package/copies',
  'package/docs',
  'port/completion-router',
  'port/memory',
  'port/operations',
  'threads/worker-loading',
];
/** Test files that run here and start programs in Wine: they belong to the tests of Windows. */
const IN_WINE = ['cli/wine', 'examples/wine', 'package/wine-lost'];

/** Test files at one time: each measures its own process only, and mostly waits. */
const CONCURRENCY = 3;
/** For each test; Node 20 and 22 hold a whole file to it. */
const TEST_TIMEOUT_MS = 300_000;
/** Ends the run when a file's thread is blocked in a system call, where no timeout of a test can end it. */
const SUITE_TIMEOUT_MS = 1_200_000;

/** What the arguments of a test command choose: words name test files, the others go to Node's test runner. */
export function chosenBy(parameters) {
  return {
    words: parameters.filter((parameter) => !parameter.startsWith('-')),
    args: parameters.filter((parameter) => parameter.startsWith('-')),
  };
}

/** The built test files for this machine whose path contains one of the words; all of them when there are no words. */
export function testFiles(words) {
  return filesNamed(words).filter((path) => !isOneOf(WINDOWS_ONLY, path) && !isOneOf(IN_WINE, path));
}

/** The same for Windows. */
export function windowsTestFiles(words) {
  return filesNamed(words).filter((path) => isOneOf(WINDOWS_ONLY, path) || isOneOf(WINDOWS_TOO, path));
}

/** Those that run here and start programs in Wine. */
export function wineTestFiles(words) {
  return filesNamed(words).filter((path) => isOneOf(IN_WINE, path));
}

/** The name of a built test file: its path in test/, without the ending. */
export function nameOf(path) {
  return path.slice(TESTS.length + 1, -ENDING.length);
}

function isOneOf(names, path) {
  const name = nameOf(path);
  return names.some((one) => (one.endsWith('/') ? name.startsWith(one) : name === one));
}

function filesNamed(words) {
  return filesBelow(TESTS).filter(
    (path) => path.endsWith(ENDING) && (words.length === 0 || words.some((word) => nameOf(path).includes(word))),
  );
}

/** Runs the Node at a path, for `runSuite`. */
export function nodeAt(path) {
  return (args, options) => run(path, args, { ...options, env: environmentOf(path) });
}

/** Runs test files as `runFiles` does. A run in which no test was executed has failed, whatever the runner says. */
export async function runSuite(runNode, files, options) {
  const result = await runFiles(runNode, files, options);
  return { ...result, ...totalOf([result]) };
}

/**
 * Runs test files under a Node and returns the counts, the exit code and the output. `quiet` keeps the output from the
 * screen; the time that a test may take is multiplied with `patience`.
 */
export async function runFiles(runNode, files, options = {}) {
  const { args = [], concurrency = CONCURRENCY, quiet = false, patience = 1 } = options;
  const directory = mkdtempSync(join(tmpdir(), 'overlapped-test-'));
  const report = join(directory, 'report.tap');
  try {
    const { exitCode, output } = await runNode(
      [
        '--test',
        '--enable-source-maps',
        `--test-concurrency=${concurrency}`,
        `--test-timeout=${TEST_TIMEOUT_MS * patience}`,
        '--test-reporter=spec',
        '--test-reporter-destination=stdout',
        '--test-reporter=tap',
        `--test-reporter-destination=${report}`,
        ...args,
        ...files,
      ],
      { quiet, timeoutMs: SUITE_TIMEOUT_MS },
    );
    return { ...countsOf(readReport(report), files), output, exitCode };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Several results as one; without a test that was executed it is a failure. */
export function totalOf(results) {
  const sum = (word) => results.reduce((total, result) => total + result[word], 0);
  const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map(sum);
  const exitCode = Math.max(...results.map((result) => result.exitCode));
  return { passed, failed, skipped, exitCode: exitCode === 0 && passed + failed === 0 ? 1 : exitCode };
}

/** Closes a run in a line; the runner's own counts are above the list of what failed, and may be far up by now. */
export function sayCounts(system, { passed, failed, skipped, exitCode }) {
  if (exitCode === TIMED_OUT) {
    console.error(`${system}: Cannot finish: a test file did not end in time`);
  } else if (passed + failed === 0) {
    console.error(`${system}: Cannot pass: no test was executed`);
  }
  const failures = exitCode === 0 ? failed : Math.max(failed, 1);
  console.log(`${system}: ${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
}

function readReport(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The runner counts a file without tests as one test that passed, under the file's own name; here it is none. */
function countsOf(report, files) {
  const count = (word) => Number([...report.matchAll(new RegExp(`^# ${word} (\\d+)$`, 'gm'))].at(-1)?.[1] ?? 0);
  const passedAtTop = [...report.matchAll(/^ok \d+ - (.*?)\s*$/gm)].map((match) => match[1].replaceAll('\\\\', '/'));
  const empty = passedAtTop.filter((name) => files.some((file) => name.endsWith(file))).length;
  return {
    passed: count('pass') - empty,
    failed: count('fail') + count('cancelled'),
    skipped: count('skipped') + count('todo'),
  };
}
