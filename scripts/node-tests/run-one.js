/** Runs one of Node's own tests as a process of its own, and says how it ended. */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** @import { NodeTest } from './tree.js' */
/** @typedef {'passed' | 'failed' | 'skipped'} Ending */
/** @typedef {{ ending: Ending, error: string, ms: number }} Result */
/** @typedef {{ node: string, nodeOptions: string, timeoutMs: number, worker: number, env?: NodeJS.ProcessEnv }} RunOptions */

const OUTPUT_BYTES_MAX = 1_000_000;
const ERROR_LENGTH_MAX = 150;
/** The first port of a worker, and how many ports each has: Node's tests take the ones after `NODE_COMMON_PORT`. */
const PORTS = { first: 12_346, each: 100 };
/** The lines of a failed test that say why, the best first. */
const REASONS = [
  /^(?:Uncaught )?(?:\w*Error|AssertionError)\b.*$/m,
  /^.*\b(?:Error|Mismatched|Assertion|FATAL|failed)\b.*$/m,
  /\S.*$/m,
];

/**
 * The processes that run now, each the leader of its own group.
 * @type {Set<number>}
 */
const running = new Set();

/** Kills what still runs. */
export function killRunning() {
  for (const pid of running) {
    killGroup(pid);
  }
}

/**
 * @param {NodeTest} test
 * @param {RunOptions} options
 * @returns {Promise<Result>}
 */
export function runTest(test, { node, nodeOptions, timeoutMs, worker, env = process.env }) {
  const temporary = mkdtempSync(join(tmpdir(), 'overlapped-node-test-'));
  const started = performance.now();
  const child = spawn(node, [...test.flags, test.path], {
    cwd: dirname(test.path),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...env,
      NODE_OPTIONS: nodeOptions,
      NODE_COMMON_PORT: String(PORTS.first + worker * PORTS.each),
      NODE_TEST_DIR: temporary,
      TEST_THREAD_ID: String(worker),
    },
  });
  let output = '';
  const keep = (/** @type {Buffer} */ chunk) => {
    output = (output + chunk).slice(-OUTPUT_BYTES_MAX);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve) => {
    let timedOut = false;
    const finish = (/** @type {Ending} */ ending, error = '') => {
      clearTimeout(timer);
      if (child.pid !== undefined) {
        // Processes that the test started and did not end.
        killGroup(child.pid);
        running.delete(child.pid);
      }
      rmSync(temporary, { recursive: true, force: true, maxRetries: 3 });
      resolve({ ending, error, ms: Math.round(performance.now() - started) });
    };
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(/** @type {number} */ (child.pid));
      child.stdout.destroy();
      child.stderr.destroy();
    }, timeoutMs);
    child.once('error', (error) => finish('failed', error.message));
    child.once('exit', (exitCode, signal) => {
      // A process that the test has left may hold the output open.
      setTimeout(() => {
        if (exitCode === 0) {
          return finish(/^1\.\.0 # Skipped/im.test(output) ? 'skipped' : 'passed');
        }
        const how = signal === null ? `exit code ${exitCode}` : `signal ${signal}`;
        return finish('failed', timedOut ? `did not end within ${timeoutMs / 1000} s` : reasonOf(output) || how);
      }, 5);
    });
    if (child.pid !== undefined) {
      running.add(child.pid);
    }
  });
}

/** @param {string} output */
function reasonOf(output) {
  const found = REASONS.map((pattern) => pattern.exec(output)?.[0]).find((line) => line !== undefined);
  return (found ?? '').trim().slice(0, ERROR_LENGTH_MAX);
}

/** @param {number} pid */
function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of them have ended.
  }
}
