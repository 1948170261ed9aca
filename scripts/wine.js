/** Windows programs on Linux: Wine, with a prefix (a Windows installation) of the project's own. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FollowedFile } from './followed-file.js';
import { takeLock } from './lock.js';
import { keyOf, stamp, stampOf } from './stamp.js';
import { exitCodeOf, fail, ROOT, TIMED_OUT } from './tools.js';
import {
  commands,
  environment,
  installedCommands,
  killAll,
  PREFIX,
  reportLoss,
  startServer,
  watchServer,
} from './wine-server.js';

/** @import { ChildProcess } from 'node:child_process' */
/** @import { Ended, RunOptions } from './tools.js' */

const PREFIX_STAMP = `${relative(ROOT, PREFIX)}/.overlapped-prefix`;
const PREFIX_TIMEOUT_MS = 180_000;
/** A new prefix is Windows 7, and Node 22 starts on nothing older than Windows 10. */
const WINDOWS_VERSION = 'win10';
const FOLLOW_INTERVAL_MS = 50;
/** How long a program may take to stop. */
const STOP_TIMEOUT_MS = 10_000;
/** The exit code of a program that SIGINT ended, as a shell gives it. */
const INTERRUPTED = exitCodeOf(null, 'SIGINT');
/** The exit code of a program whose server was lost. */
const LOST = 125;

/** Why Windows programs cannot run here, and how to change that; undefined if they can. */
export function wineMissing() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `Wine runs Windows' Node on linux-x64 only, and this is ${process.platform}-${process.arch}`;
  }
  return commands() === undefined ? 'Wine is missing: apt-get install --no-install-recommends wine64' : undefined;
}

/**
 * Waits until no other run uses the prefix, and creates it if there is none. The end of this process kills everything that
 * still runs in the prefix; this is why a run locks it.
 */
export async function openWine() {
  const missing = wineMissing();
  if (missing !== undefined) {
    fail(`Cannot run Windows programs: ${missing}`);
  }
  await takeLock(PREFIX, () => console.error('wine: waiting for another run to end'));
  // A run that was killed has left its programs.
  killAll();
  process.once('exit', killAll);
  const key = keyOf([WINDOWS_VERSION]);
  if (stampOf(PREFIX_STAMP) === key) {
    return;
  }
  console.error('wine: creating a Windows prefix');
  rmSync(PREFIX, { recursive: true, force: true });
  mkdirSync(PREFIX, { recursive: true });
  const { exitCode, output } = await runInWine(
    'reg',
    ['add', 'HKCU\\Software\\Wine', '/v', 'Version', '/d', WINDOWS_VERSION, '/f'],
    { quiet: true, timeoutMs: PREFIX_TIMEOUT_MS },
  );
  if (exitCode !== 0) {
    fail(`Cannot create a Windows prefix: wine ended with ${exitCode}\n${output}`, exitCode);
  }
  stamp(PREFIX_STAMP, key);
}

/**
 * Runs a Windows program in the project's directory, as `run` of tools.js does; one at a time in a prefix. SIGINT and SIGTERM
 * become its Ctrl-C, and a second one kills it. It does not outlive Wine's server.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<Ended>}
 */
export async function runInWine(program, args, { env = {}, quiet = false, timeoutMs = 0 } = {}) {
  // Windows' Node cannot open a Unix pipe (EBADF): it writes to files, which are followed.
  const outputs = /** @type {const} */ (['stdout', 'stderr']).map(
    (name) => new FollowedFile(`${PREFIX}.${name}`, quiet ? undefined : process[name]),
  );
  startServer();
  try {
    // Killed with this process, also if that cannot do it any more.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', installedCommands().loader, program, ...args], {
      cwd: ROOT,
      env: { ...environment(), ...env },
      // So that a terminal's Ctrl-C arrives once, and from here.
      detached: true,
      stdio: ['ignore', ...outputs.map(({ descriptor }) => descriptor)],
    });
    const exitCode = await endOf(child, outputs, timeoutMs);
    const output = outputs.map(({ text }) => text).join('');
    return {
      exitCode,
      output: exitCode === TIMED_OUT ? `${output}\n${program} was ended after ${timeoutMs} ms\n` : output,
    };
  } finally {
    for (const output of outputs) {
      output.close();
    }
  }
}

/**
 * The exit code of a program that is followed to its end.
 * @param {ChildProcess} child
 * @param {readonly FollowedFile[]} outputs
 * @param {number} timeoutMs
 */
async function endOf(child, outputs, timeoutMs) {
  // A program that is killed with the whole prefix ends with 0, so the reason is kept here.
  const run = { ended: false, stopping: false, killedWith: /** @type {number | undefined} */ (undefined) };
  const kill = (/** @type {number} */ exitCode) => {
    run.killedWith ??= exitCode;
    killAll();
  };
  const forget = watchServer(() => kill(LOST));
  const timers = timeoutMs > 0 ? [setTimeout(kill, timeoutMs, TIMED_OUT)] : [];
  const stop = () => {
    if (run.stopping) {
      kill(INTERRUPTED);
    } else {
      run.stopping = true;
      child.kill('SIGINT');
      timers.push(setTimeout(kill, STOP_TIMEOUT_MS, INTERRUPTED));
    }
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const exit = once(child, 'exit').finally(() => {
    run.ended = true;
  });
  while (!run.ended) {
    await Promise.race([exit, sleep(FOLLOW_INTERVAL_MS)]);
    for (const output of outputs) {
      output.follow();
    }
  }
  timers.forEach(clearTimeout);
  forget();
  process.off('SIGINT', stop).off('SIGTERM', stop);
  const [status, signal] = await exit;
  // The program may have ended before the loss of the server was noticed.
  if (run.killedWith === LOST || (run.killedWith === undefined && startServer())) {
    reportLoss();
    return LOST;
  }
  return run.killedWith ?? exitCodeOf(status, signal);
}

/**
 * A path as Windows programs know it: Wine's drive Z is the root directory.
 * @param {string} path
 */
export function windowsPath(path) {
  return `Z:${path.replaceAll('/', '\\')}`;
}
