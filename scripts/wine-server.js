/**
 * Wine's server for the project's prefix (a Windows installation). Each Windows process asks it for nearly everything,
 * and may wait for ever when it has crashed: so it is watched, and nothing outlives it.
 */

import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { environmentOf, fail, ROOT } from './tools.js';

/** Tests name a second prefix, and with it a second server, in this variable: programs that they start inherit it. */
export const PREFIX = join(ROOT, '.cache/windows', process.env.OVERLAPPED_WINE_PREFIX ?? 'prefix');
/** The server's output. */
const MESSAGES = `${PREFIX}.server`;
/** Written if the server was lost: otherwise only the test whose program ended with it would know. */
const LOSS = `${PREFIX}.lost`;
/** Where Debian has the commands; only the package `wine` puts them on the path. */
const DEBIAN_DIRECTORY = '/usr/lib/wine';
/** How long the server stays without clients. */
const STAYS_SECONDS = 10;
/** The exit code of `wineserver` if there is a server already. */
const RUNS_ALREADY = 2;
/** `wineserver -k` itself gives the server ten seconds. */
const COMMAND_TIMEOUT_MS = 30_000;

/** Wine's programs; undefined if it is not installed. */
export function commands() {
  for (const directory of [DEBIAN_DIRECTORY, ...(process.env.PATH ?? '').split(delimiter)]) {
    const loader = ['wine64', 'wine'].map((name) => join(directory, name)).find((path) => existsSync(path));
    const wineserver = join(directory, 'wineserver');
    if (loader !== undefined && existsSync(wineserver)) {
      return { loader, wineserver };
    }
  }
  return undefined;
}

/** Wine's programs, where it is known to be installed. */
export function installedCommands() {
  const found = commands();
  if (found === undefined) {
    fail('Cannot run Windows programs: Wine has disappeared');
  }
  return found;
}

/** @returns {NodeJS.ProcessEnv} */
export function environment() {
  /** @type {NodeJS.ProcessEnv} */
  const { DISPLAY: _, WAYLAND_DISPLAY: __, ...env } = environmentOf(process.execPath);
  return {
    ...env,
    WINEPREFIX: PREFIX,
    WINEDEBUG: '-all',
    // No downloads for .NET and HTML, which a new prefix asks for, and no entries in the user's menus.
    WINEDLLOVERRIDES: 'mscoree,mshtml,winemenubuilder.exe=',
  };
}

/**
 * @param {string} parameter
 * @param {number | 'ignore'} [output]
 */
function wineserver(parameter, output = 'ignore') {
  return spawnSync(installedCommands().wineserver, [parameter], {
    env: environment(),
    stdio: ['ignore', output, output],
    timeout: COMMAND_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  }).status;
}

/** Starts the server and returns true; returns false if it ran already. */
export function startServer() {
  const messages = openSync(MESSAGES, 'a');
  try {
    return wineserver(`-p${STAYS_SECONDS}`, messages) !== RUNS_ALREADY;
  } finally {
    closeSync(messages);
  }
}

/**
 * Calls `ended` when the server ends. Returns the function that ends the watch.
 * @param {() => void} ended
 */
export function watchServer(ended) {
  // `-w` waits for the server's lock, which the kernel frees with its process, however that ended.
  const watch = spawn(installedCommands().wineserver, ['-w'], {
    env: environment(),
    // Otherwise a terminal's Ctrl-C would end it, as if the server had ended.
    detached: true,
    stdio: 'ignore',
  });
  watch.once('exit', ended);
  return () => {
    watch.off('exit', ended);
    watch.kill('SIGKILL');
  };
}

/** Kills the server as a crash would, without ending its clients. */
export function killServer() {
  wineserver('-k9');
}

/** Reports that the server was lost, with the server's own output. */
export function reportLoss() {
  const said = readFileSync(MESSAGES, 'utf8').trim();
  rmSync(MESSAGES);
  console.error(`wine: Wine's server crashed${said === '' ? '' : `: ${said}`}`);
  writeFileSync(LOSS, '');
}

/** Whether the server was lost since the last call, in this process or another. */
export function wasLost() {
  const lost = existsSync(LOSS);
  rmSync(LOSS, { force: true });
  return lost;
}

/** Ends everything in the prefix: the server ends its clients; processes that have lost their server are killed. */
export function killAll() {
  wineserver('-k');
  for (const pid of processesOfPrefix()) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}

/**
 * Processes with a thread of Wine in the prefix. After the server has gone, a process's main thread ends and the others wait
 * for ever: its end is never reported. No process group or session has all of them, as Wine makes its own.
 */
function processesOfPrefix() {
  const all = entriesOf('/proc').filter((name) => /^\d+$/.test(name));
  return all.filter((pid) =>
    entriesOf(`/proc/${pid}/task`).some((thread) => isOfPrefix(`/proc/${pid}/task/${thread}`)),
  );
}

/** @param {string} directory */
function isOfPrefix(directory) {
  try {
    return (
      basename(readlinkSync(`${directory}/exe`)).startsWith('wine') &&
      readFileSync(`${directory}/environ`, 'utf8').split('\0').includes(`WINEPREFIX=${PREFIX}`)
    );
  } catch {
    // Another user's, or it has ended.
    return false;
  }
}

/** @param {string} directory */
function entriesOf(directory) {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
