/** Functions that the scripts share: they run programs and npm, list directories, and fail in one clear line. */

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {{ exitCode: number, output: string }} Ended */
/** @typedef {{ env?: NodeJS.ProcessEnv, quiet?: boolean, timeoutMs?: number }} RunOptions */

/** The project's directory, wherever a script is called from. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Ends the script with one line that gives the reason.
 * @param {string} message
 * @returns {never}
 */
export function fail(message, exitCode = 1) {
  console.error(`${basename(process.argv[1] ?? '', '.js')}: ${message}`);
  process.exit(exitCode);
}

/** The exit code of the shell's `timeout`. */
export const TIMED_OUT = 124;

/**
 * Runs a program in the project's directory. Returns its exit code, which is 128 and the signal's number if a signal ended it,
 * and with `quiet` its output, which is not shown then. SIGTERM ends it after `timeoutMs`.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Ended}
 */
export function run(command, args, { env = process.env, quiet = false, timeoutMs = 0 } = {}) {
  const result = spawnSync(command, args, {
    cwd: ROOT,
    env,
    encoding: 'utf8',
    maxBuffer: Infinity,
    timeout: timeoutMs,
    killSignal: 'SIGTERM',
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
  });
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`;
  if (/** @type {NodeJS.ErrnoException | undefined} */ (result.error)?.code === 'ETIMEDOUT') {
    return { exitCode: TIMED_OUT, output: `${output}\n${command} was ended after ${timeoutMs} ms\n` };
  }
  if (result.error !== undefined) {
    fail(`Cannot run ${command}: ${result.error.message}`);
  }
  return { exitCode: exitCodeOf(result.status, result.signal), output };
}

/**
 * The exit code of a program as a shell gives it: 128 and the signal's number if a signal ended it.
 * @param {number | null} status
 * @param {NodeJS.Signals | null} signal
 */
export function exitCodeOf(status, signal) {
  return status ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

/**
 * Runs npm: the one that runs this script, or else the one on the path. It prints only errors.
 * @param {readonly string[]} args
 */
export function runNpm(args) {
  const quietly = [...args, '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  const caller = process.env.npm_execpath;
  if (caller !== undefined && basename(caller) === 'npm-cli.js') {
    return run(process.execPath, [caller, ...quietly], { quiet: true });
  }
  return run('npm', quietly, { quiet: true });
}

/**
 * The environment for a program that finds the given Node as `node`. Without NODE_TEST_CONTEXT, which makes a nested test runner
 * report to the outer one.
 * @param {string} node
 */
export function environmentOf(node) {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return { ...env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` };
}

/**
 * The files below a directory, sorted, as paths from the project's directory with slashes; none if there is no such directory.
 * @param {string} directory
 * @returns {string[]}
 */
export function filesBelow(directory) {
  /** @type {string[]} */
  const files = [];
  for (const entry of entriesOf(directory)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) {
      files.push(...filesBelow(path));
    } else {
      files.push(path);
    }
  }
  return files.sort();
}

/** @param {string} directory */
function entriesOf(directory) {
  try {
    return readdirSync(join(ROOT, directory), { withFileTypes: true });
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') {
      return [];
    }
    throw error;
  }
}
