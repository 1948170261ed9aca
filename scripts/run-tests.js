/**
 * Runs test files with `node:test`, in the Node under test. Its one argument is a folder: `plan.json` in it says what to run,
 * and the counts are written to `result.json` there. The report goes to standard output.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { inspect } from 'node:util';
import { toSourcePositions, withSourcePositions } from './source-positions.js';
import { TIMED_OUT } from './tools.js';

/** @import { EventData } from 'node:test' */
/** @typedef {{ files: string[], timeoutMs: number, options: NonNullable<Parameters<typeof run>[0]> }} Plan */
/** @typedef {{ name: string, reason: string }} Failure */
/** @typedef {{ passed: number, failed: number, skipped: number, failures: Failure[], failedFiles: string[], seconds: Record<string, number> }} Result */

/** How long the runner may take to report what was interrupted. */
const INTERRUPTED_TIMEOUT_MS = 10_000;
/** Failures that are told again at the end of a run: beyond these the whole report is needed. */
const FAILURES_MAX = 10;
const REASON_LINES_MAX = 20;

const folder = /** @type {string} */ (process.argv[2]);
/** @type {Plan} */
const { files, timeoutMs, options } = JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8'));
/** @type {Result} */
const result = { passed: 0, failed: 0, skipped: 0, failures: [], failedFiles: [], seconds: {} };
const interruption = new AbortController();

setTimeout(interrupt, timeoutMs, TIMED_OUT).unref();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => interrupt(1));
}
process.once('exit', () => writeFileSync(join(folder, 'result.json'), JSON.stringify(result)));

const events = run({ ...options, files, signal: interruption.signal });
events.on('test:pass', (event) => count(event, true));
events.on('test:fail', (event) => count(event, false));
events.on('test:complete', ({ name, nesting, details }) => {
  const file = nesting === 0 ? fileOf(name) : undefined;
  if (file !== undefined) {
    result.seconds[file] = details.duration_ms / 1000;
    if (details.error !== undefined) {
      result.failedFiles.push(file);
    }
  }
});
events.compose(new spec()).pipe(toSourcePositions()).pipe(process.stdout);

/**
 * Kills the processes of the files that run, which the report then calls failed.
 * @param {number} exitCode
 */
function interrupt(exitCode) {
  process.exitCode = exitCode;
  interruption.abort();
  setTimeout(() => process.exit(exitCode), INTERRUPTED_TIMEOUT_MS).unref();
}

/**
 * Counts a test. A suite is none, and neither is a file: the runner reports a file without tests as a test that passed.
 * @param {EventData.TestPass | EventData.TestFail} event
 * @param {boolean} passed
 */
function count({ name, nesting, skip, todo, details }, passed) {
  const isSkipped = skip !== undefined || todo !== undefined;
  if (!passed && !isSkipped) {
    process.exitCode ??= 1;
    if ('error' in details && details.type !== 'suite') {
      // A suite fails because one of its tests has.
      keepFailure(name, details.error);
    }
  }
  const isFile = nesting === 0 && fileOf(name) !== undefined;
  if (details.type !== 'suite' && !(isFile && passed)) {
    result[isSkipped ? 'skipped' : passed ? 'passed' : 'failed'] += 1;
  }
}

/**
 * Keeps why a test failed.
 * @param {string} name
 * @param {Error} error
 */
function keepFailure(name, error) {
  if (result.failures.length < FAILURES_MAX) {
    const lines = inspect(error.cause ?? error).split('\n', REASON_LINES_MAX);
    result.failures.push({ name, reason: withSourcePositions(lines.join('\n')) });
  }
}

/**
 * The test file that the runner calls by this name.
 * @param {string} name
 */
function fileOf(name) {
  return files.find((file) => name.replaceAll('\\', '/').endsWith(file));
}
