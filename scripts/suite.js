/** Runs the built tests with Node's test runner, and counts what ran. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environmentOf, ROOT, run, TIMED_OUT } from './tools.js';

/** @import { Ended, RunOptions } from './tools.js' */
/** @import { Failure, Plan, Result } from './run-tests.js' */
/** @typedef {(args: string[], options: RunOptions) => Ended | Promise<Ended>} RunNode */
/** @typedef {{ args?: readonly string[], concurrency?: number, quiet?: boolean, patience?: number, timeoutMs?: number, again?: boolean }} SuiteOptions */
/** @typedef {{ passed: number, failed: number, skipped: number, failures: Failure[], exitCode: number }} Counts */

/** Test files at one time: each measures its own process only, and mostly waits (a suite of 60 s uses 20 s of processor time). */
const CONCURRENCY = 5;
/** For each test; Node 20 and 22 hold a whole file to it, of which the longest take three minutes. */
const TEST_TIMEOUT_MS = 600_000;
/** Ends the run if a file's thread is blocked in a system call, where no timeout of a test can end it. */
const SUITE_TIMEOUT_MS = 1_800_000;
/** After its own timeout the runner reports the files that did not end; this is how long that may take. */
const REPORT_TIMEOUT_MS = 60_000;
/** If more files fail, the fault is no passing one. */
const FILES_AGAIN_MAX = 5;

const RUNNER = join(ROOT, 'scripts/run-tests.js');
/** Arguments that Node takes only with `--test`, and the options of `run` that they are. */
const LISTS = /** @type {const} */ ({
  '--test-name-pattern': 'testNamePatterns',
  '--test-skip-pattern': 'testSkipPatterns',
});

/**
 * Runs the Node at a path, for `runSuite`.
 * @param {string} path
 * @returns {RunNode}
 */
export function nodeAt(path) {
  return (args, options) => run(path, args, { ...options, env: environmentOf(path) });
}

/**
 * Runs test files as `runFiles` does. A run in which no test was executed has failed, whatever the runner says. With `again`,
 * files that failed run once more, one at a time: a machine that is shared can stall for seconds, and a test that fails twice
 * has found a fault. The result of the second run is `second`, and its exit code counts.
 * @param {RunNode} runNode
 * @param {readonly string[]} files
 * @param {SuiteOptions} [options]
 */
export async function runSuite(runNode, files, options = {}) {
  const result = await runFiles(runNode, files, options);
  const first = { ...result, ...totalOf([result]) };
  if (options.again !== true || !mayRunAgain(first)) {
    return first;
  }
  const second = await runFiles(runNode, first.failedFiles, { ...options, concurrency: 1 });
  return { ...first, output: first.output + second.output, second: totalOf([second]) };
}

/** @param {{ exitCode: number, failedFiles: readonly string[] }} result */
export function mayRunAgain({ exitCode, failedFiles }) {
  return exitCode === 1 && failedFiles.length > 0 && failedFiles.length <= FILES_AGAIN_MAX;
}

/**
 * Runs test files under a Node and returns the counts, the exit code, the output, and how long each file took. `quiet` keeps
 * the output from the screen; `patience` multiplies the time that a test may take.
 * @param {RunNode} runNode
 * @param {readonly string[]} files
 * @param {SuiteOptions} [options]
 * @returns {Promise<Counts & Result & { output: string }>}
 */
export async function runFiles(runNode, files, options = {}) {
  const { args = [], concurrency = CONCURRENCY, quiet = false, patience = 1, timeoutMs = SUITE_TIMEOUT_MS } = options;
  const { runOptions, nodeArgs } = splitArguments(args);
  const folder = mkdtempSync(join(tmpdir(), 'overlapped-test-'));
  try {
    /** @type {Plan} */
    const plan = {
      files: [...files],
      timeoutMs,
      options: { concurrency, timeout: TEST_TIMEOUT_MS * patience, ...runOptions },
    };
    writeFileSync(join(folder, 'plan.json'), JSON.stringify(plan));
    const { exitCode, output } = await runNode([...nodeArgs, RUNNER, folder], {
      quiet,
      timeoutMs: timeoutMs + REPORT_TIMEOUT_MS,
    });
    return { ...readResult(folder), output, exitCode };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Several results as one; without a test that was executed it is a failure.
 * @param {readonly Counts[]} results
 * @returns {Counts}
 */
export function totalOf(results) {
  const sum = (/** @type {'passed' | 'failed' | 'skipped'} */ word) =>
    results.reduce((total, result) => total + result[word], 0);
  const [passed, failed, skipped] = [sum('passed'), sum('failed'), sum('skipped')];
  const exitCode = Math.max(...results.map((result) => result.exitCode));
  const failures = results.flatMap((result) => result.failures);
  return { passed, failed, skipped, failures, exitCode: exitCode === 0 && passed + failed === 0 ? 1 : exitCode };
}

/**
 * Ends a run with the reasons of its failures and one line of counts, which are far above in the runner's report.
 * @param {string} system
 * @param {Counts} counts
 */
function printCounts(system, { passed, failed, skipped, failures: reasons, exitCode }) {
  for (const { name, reason } of reasons) {
    console.log(`${system}: failed: ${name}\n${reason.replaceAll(/^/gm, '  ')}`);
  }
  if (exitCode === TIMED_OUT) {
    console.error(`${system}: Cannot finish: a test file did not end in time`);
  } else if (passed + failed === 0) {
    console.error(`${system}: Cannot pass: no test was executed`);
  }
  const failures = exitCode === 0 ? failed : Math.max(failed, 1);
  console.log(`${system}: ${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
}

/**
 * Ends a run, and its second run if there was one. Returns the exit code that counts.
 * @param {string} system
 * @param {Counts & { second?: Counts }} result
 */
export function printResult(system, result) {
  printCounts(system, result);
  if (result.second === undefined) {
    return result.exitCode;
  }
  printCounts(`${system}, the files that failed, once more`, result.second);
  return result.second.exitCode;
}

/** @param {readonly string[]} args */
function splitArguments(args) {
  /** @type {Record<string, string[] | boolean>} */
  const runOptions = {};
  const nodeArgs = [];
  for (const argument of args) {
    const [, name, value] = /^([^=]+)=?(.*)$/s.exec(argument) ?? [];
    if (name === '--test-only') {
      runOptions.only = true;
    } else if (name === '--test-name-pattern' || name === '--test-skip-pattern') {
      const list = runOptions[LISTS[name]];
      runOptions[LISTS[name]] = [...(Array.isArray(list) ? list : []), value ?? ''];
    } else {
      nodeArgs.push(argument);
    }
  }
  return { runOptions, nodeArgs };
}

/**
 * A run that was killed has left no result.
 * @param {string} folder
 * @returns {Result}
 */
function readResult(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8'));
  } catch {
    return { passed: 0, failed: 0, skipped: 0, failures: [], failedFiles: [], seconds: {} };
  }
}
