/** Runs the built tests with Node's test runner, and counts what ran. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environmentOf, ROOT, run, TIMED_OUT } from './tools.js';

/** @import { Ended, RunOptions } from './tools.js' */
/** @import { Plan, Result } from './run-tests.js' */
/** @typedef {(args: string[], options: RunOptions) => Ended | Promise<Ended>} RunNode */
/** @typedef {{ args?: readonly string[], concurrency?: number, quiet?: boolean, patience?: number, timeoutMs?: number }} SuiteOptions */
/** @typedef {{ passed: number, failed: number, skipped: number, exitCode: number }} Counts */

/** Test files at one time: each measures its own process only, and mostly waits (a suite of 60 s uses 20 s of processor time). */
const CONCURRENCY = 5;
/** For each test; Node 20 and 22 hold a whole file to it. */
const TEST_TIMEOUT_MS = 300_000;
/** Ends the run if a file's thread is blocked in a system call, where no timeout of a test can end it. */
const SUITE_TIMEOUT_MS = 1_200_000;
/** After its own timeout the runner reports the files that did not end; this is how long that may take. */
const REPORT_TIMEOUT_MS = 60_000;

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
 * Runs test files as `runFiles` does. A run in which no test was executed has failed, whatever the runner says.
 * @param {RunNode} runNode
 * @param {readonly string[]} files
 * @param {SuiteOptions} [options]
 */
export async function runSuite(runNode, files, options) {
  const result = await runFiles(runNode, files, options);
  return { ...result, ...totalOf([result]) };
}

/**
 * Runs test files under a Node and returns the counts, the exit code, the output, and how long each file took. `quiet` keeps
 * the output from the screen; `patience` multiplies the time that a test may take.
 * @param {RunNode} runNode
 * @param {readonly string[]} files
 * @param {SuiteOptions} [options]
 * @returns {Promise<Counts & { output: string, seconds: Record<string, number> }>}
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
  const sum = (/** @type {keyof Counts} */ word) => results.reduce((total, result) => total + result[word], 0);
  const [passed, failed, skipped] = [sum('passed'), sum('failed'), sum('skipped')];
  const exitCode = Math.max(...results.map((result) => result.exitCode));
  return { passed, failed, skipped, exitCode: exitCode === 0 && passed + failed === 0 ? 1 : exitCode };
}

/**
 * Ends a run with one line: the runner's own counts are above the list of failures, which may be long.
 * @param {string} system
 * @param {Counts} counts
 */
export function printCounts(system, { passed, failed, skipped, exitCode }) {
  if (exitCode === TIMED_OUT) {
    console.error(`${system}: Cannot finish: a test file did not end in time`);
  } else if (passed + failed === 0) {
    console.error(`${system}: Cannot pass: no test was executed`);
  }
  const failures = exitCode === 0 ? failed : Math.max(failed, 1);
  console.log(`${system}: ${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
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
    return { passed: 0, failed: 0, skipped: 0, seconds: {} };
  }
}
