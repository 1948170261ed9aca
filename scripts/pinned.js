/** Installs from a folder of pins: a package.json with exact versions, and the lock file by which npm checks what it fetches. */

import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { keyOf, read, removeStamp, stamp, stampOf } from './stamp.js';
import { ROOT, runNpm } from './tools.js';

const PINS = ['package.json', 'package-lock.json'];

/**
 * Installs the packages of the folder `pins` into `directory`; both are relative to the project's directory. Does nothing if
 * these packages are already there. No install script of a package runs. Returns npm's output and its exit code, which is 0 if there was nothing to do.
 * @param {string} pins
 * @param {string} directory
 * @param {{ args?: string[], onInstall?: () => void }} [options]
 */
export function installPinned(pins, directory, { args = [], onInstall = () => undefined } = {}) {
  const done = { exitCode: 0, output: '' };
  const installStamp = `${directory}/node_modules/.overlapped-install`;
  const key = keyOf([...PINS.map((name) => read(`${pins}/${name}`)), process.platform, process.arch]);
  if (stampOf(installStamp) === key) {
    return done;
  }
  onInstall();
  removeStamp(installStamp);
  mkdirSync(join(ROOT, directory), { recursive: true });
  for (const name of PINS) {
    copyFileSync(join(ROOT, pins, name), join(ROOT, directory, name));
  }
  const result = runNpm(['ci', '--prefix', join(ROOT, directory), '--include=optional', '--ignore-scripts', ...args]);
  if (result.exitCode === 0) {
    stamp(installStamp, key);
  }
  return result;
}
