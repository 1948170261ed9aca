/** What the scripts share: running programs, npm among them, walking directories, and failing in one clear line. */

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's directory, wherever a script is called from. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Ends the script with one line of reason. */
export function fail(message, exitCode = 1) {
  console.error(`${basename(process.argv[1], '.js')}: ${message}`);
  process.exit(exitCode);
}

/** What a shell's `timeout` ends with. */
export const TIMED_OUT = 124;

/**
 * Runs a program in the project's directory and returns its exit code, 128 and the signal's number where a signal
 * ended it, and its output where `quiet` kept it from the screen. SIGTERM ends it after `timeoutMs`.
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
  if (result.error?.code === 'ETIMEDOUT') {
    return { exitCode: TIMED_OUT, output: `${output}\n${command} was ended after ${timeoutMs} ms\n` };
  }
  if (result.error !== undefined) {
    fail(`Cannot run ${command}: ${result.error.message}`);
  }
  return { exitCode: result.status ?? 128 + constants.signals[result.signal], output };
}

/** Runs npm: the one that runs this script, or else the one on the path. It says nothing but errors. */
export function runNpm(args) {
  const quietly = [...args, '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  const caller = process.env.npm_execpath;
  if (caller !== undefined && basename(caller) === 'npm-cli.js') {
    return run(process.execPath, [caller, ...quietly], { quiet: true });
  }
  return run('npm', quietly, { quiet: true });
}

/** The environment for a program whose `node` is to be the given one. Test runners nested in test runners report elsewhere. */
export function environmentOf(node) {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return { ...env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` };
}

/** The files below a directory, sorted, as paths from the project's directory with slashes; none when there is no such directory. */
export function filesBelow(directory) {
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

function entriesOf(directory) {
  try {
    return readdirSync(join(ROOT, directory), { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOENT') {
      return [];
    }
    throw error;
  }
}
