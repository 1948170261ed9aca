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
import { environmentOf, ROOT } from './tools.js';

/** Tests have a second prefix, and with it a second server: they name it here, and what they start finds it too. */
export const PREFIX = join(ROOT, '.cache/windows', process.env.OVERLAPPED_WINE_PREFIX ?? 'prefix');
/** What the server says. */
const MESSAGES = `${PREFIX}.server`;
/** Written when the server was lost: a test may be the only one that sees its program end by it. */
const LOSS = `${PREFIX}.lost`;
/** Where Debian has its commands; it puts none of them on the path without the package `wine`. */
const DEBIAN_DIRECTORY = '/usr/lib/wine';
/** How long the server stays without clients. */
const STAYS_SECONDS = 10;
/** What `wineserver` ends with when there is a server already. */
const RUNS_ALREADY = 2;
/** `wineserver -k` itself gives the server ten seconds. */
const COMMAND_TIMEOUT_MS = 30_000;

/** Wine's programs; undefined where it is not installed. */
export function commands() {
  for (const directory of [DEBIAN_DIRECTORY, ...(process.env.PATH ?? '').split(delimiter)]) {
    const [wine64, wine, wineserver] = ['wine64', 'wine', 'wineserver'].map((name) => join(directory, name));
    const loader = [wine64, wine].find((path) => existsSync(path));
    if (loader !== undefined && existsSync(wineserver)) {
      return { loader, wineserver };
    }
  }
  return undefined;
}

export function environment() {
  const { DISPLAY: _, WAYLAND_DISPLAY: __, ...env } = environmentOf(process.execPath);
  return {
    ...env,
    WINEPREFIX: PREFIX,
    WINEDEBUG: '-all',
    // Neither the downloads for .NET and HTML that a new prefix asks for, nor entries in the user's menus.
    WINEDLLOVERRIDES: 'mscoree,mshtml,winemenubuilder.exe=',
  };
}

function wineserver(parameter, output = 'ignore') {
  return spawnSync(commands().wineserver, [parameter], {
    env: environment(),
    stdio: ['ignore', output, output],
    timeout: COMMAND_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  }).status;
}

/** Starts the server and returns true; or false when it ran already. */
export function startServer() {
  const messages = openSync(MESSAGES, 'a');
  try {
    return wineserver(`-p${STAYS_SECONDS}`, messages) !== RUNS_ALREADY;
  } finally {
    closeSync(messages);
  }
}

/** Calls `ended` when the server ends. Returns what calls it off. */
export function watchServer(ended) {
  // It waits for the server's lock, which the kernel takes from a process that has gone, however that ended.
  const watch = spawn(commands().wineserver, ['-w'], {
    env: environment(),
    // A terminal's Ctrl-C would end it, as if the server had ended.
    detached: true,
    stdio: 'ignore',
  });
  watch.once('exit', ended);
  return () => {
    watch.off('exit', ended);
    watch.kill('SIGKILL');
  };
}

/** As a crash does, it takes nobody's leave. */
export function killServer() {
  wineserver('-k9');
}

/** Says that the server was lost, and what it said itself. */
export function tellLoss() {
  const said = readFileSync(MESSAGES, 'utf8').trim();
  rmSync(MESSAGES);
  console.error(`wine: Wine's server crashed${said === '' ? '' : `: ${said}`}`);
  writeFileSync(LOSS, '');
}

/** Whether the server was lost since this was asked for the last time, by this process or another. */
export function wasLost() {
  const lost = existsSync(LOSS);
  rmSync(LOSS, { force: true });
  return lost;
}

/** Ends everything in the prefix: its server ends its clients, and those that no server answers for are killed. */
export function killAll() {
  wineserver('-k');
  for (const pid of processesOfPrefix()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}

/**
 * Processes with a thread that is Wine's and in the prefix. When the server has gone the main thread ends, and the others
 * wait for ever: such a process is never told to have ended. No group or session has all of them: Wine makes its own.
 */
function processesOfPrefix() {
  const all = entriesOf('/proc').filter((name) => /^\d+$/.test(name));
  return all.filter((pid) =>
    entriesOf(`/proc/${pid}/task`).some((thread) => isOfPrefix(`/proc/${pid}/task/${thread}`)),
  );
}

function isOfPrefix(directory) {
  try {
    return (
      basename(readlinkSync(`${directory}/exe`)).startsWith('wine') &&
      readFileSync(`${directory}/environ`, 'utf8').split('\0').includes(`WINEPREFIX=${PREFIX}`)
    );
  } catch {
    // Another user's, or gone.
    return false;
  }
}

function entriesOf(directory) {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
