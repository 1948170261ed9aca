/** Windows programs on Linux: Wine, with a prefix (a Windows installation) of the project's own. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FollowedFile } from './followed-file.js';
import { keyOf, stamp, stampOf } from './stamp.js';
import { fail, ROOT, TIMED_OUT } from './tools.js';
import { takeTurn } from './turn.js';
import { commands, environment, killAll, PREFIX, startServer, tellLoss, watchServer } from './wine-server.js';

const PREFIX_STAMP = `${relative(ROOT, PREFIX)}/.overlapped-prefix`;
const PREFIX_TIMEOUT_MS = 180_000;
/** A new prefix is Windows 7, and Node 22 starts on nothing older than Windows 10. */
const WINDOWS_VERSION = 'win10';
const FOLLOW_INTERVAL_MS = 50;
/** How long a program that was asked to stop may take. */
const STOP_TIMEOUT_MS = 10_000;
/** What a shell says of a program that SIGINT ended. */
const INTERRUPTED = 128 + constants.signals.SIGINT;
/** What a program ends with whose server was lost. */
const LOST = 125;

/** Why Windows programs cannot run here, and what to do about it; undefined when they can. */
export function wineMissing() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `Wine runs Windows' Node on linux-x64 only, and this is ${process.platform}-${process.arch}`;
  }
  return commands() === undefined ? 'Wine is missing: apt-get install --no-install-recommends wine64' : undefined;
}

/**
 * Waits until no other run uses the prefix and makes the prefix where there is none. When this process ends, whatever
 * still runs in the prefix is killed; this is why runs take turns.
 */
export async function openWine() {
  const missing = wineMissing();
  if (missing !== undefined) {
    fail(`Cannot run Windows programs: ${missing}`);
  }
  await takeTurn(PREFIX, () => console.error('wine: waiting for another run to end'));
  // A run that was killed itself could not do it.
  killAll();
  process.once('exit', killAll);
  const key = keyOf([WINDOWS_VERSION]);
  if (stampOf(PREFIX_STAMP) === key) {
    return;
  }
  console.error('wine: making a Windows prefix');
  rmSync(PREFIX, { recursive: true, force: true });
  mkdirSync(PREFIX, { recursive: true });
  const { exitCode, output } = await runInWine(
    'reg',
    ['add', 'HKCU\\Software\\Wine', '/v', 'Version', '/d', WINDOWS_VERSION, '/f'],
    { quiet: true, timeoutMs: PREFIX_TIMEOUT_MS },
  );
  if (exitCode !== 0) {
    fail(`Cannot make a Windows prefix: wine ended with ${exitCode}\n${output}`, exitCode);
  }
  stamp(PREFIX_STAMP, key);
}

/**
 * Runs a Windows program in the project's directory, as `run` of tools.js does; one at a time in a prefix. SIGINT and SIGTERM
 * become its Ctrl-C, and a second one kills it. It does not outlive Wine's server.
 */
export async function runInWine(program, args, { env = {}, quiet = false, timeoutMs = 0 } = {}) {
  // Windows' Node opens no Unix pipe (EBADF): it writes to files, and they are followed.
  const outputs = ['stdout', 'stderr'].map(
    (name) => new FollowedFile(`${PREFIX}.${name}`, quiet ? undefined : process[name]),
  );
  startServer();
  try {
    // Killed with this process, also where that cannot do it any more.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', commands().loader, program, ...args], {
      cwd: ROOT,
      env: { ...environment(), ...env },
      // So that a terminal's Ctrl-C comes once, and from here.
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

/** The exit code of a program that is followed to its end. */
async function endOf(child, outputs, timeoutMs) {
  // What is killed with the whole prefix ends with 0.
  const run = { ended: false, stopping: false, killedWith: undefined };
  const kill = (exitCode) => {
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
  // The program may have ended before its server was missed.
  if (run.killedWith === LOST || (run.killedWith === undefined && startServer())) {
    tellLoss();
    return LOST;
  }
  return run.killedWith ?? status ?? 128 + constants.signals[signal];
}

/** A path as Windows programs know it: Wine's drive Z is the root directory. */
export function windowsPath(path) {
  return `Z:${path.replaceAll('/', '\\')}`;
}
