/** The programs and their npm packages, as they are installed in the cache. */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SOURCES = join(ROOT, 'test/unchanged/programs');
const INSTALLED = join(ROOT, '.cache/unchanged');
const STAMP = join(INSTALLED, 'node_modules/.overlapped-install');
const PINS = ['package.json', 'package-lock.json'];
const QUIETLY = ['--ignore-scripts', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];

/** Installs the packages by their lock file if they have changed, copies the programs to them, and returns their folder. */
export function installPrograms(): string {
  const hash = createHash('sha256');
  for (const name of PINS) {
    hash.update(readFileSync(join(SOURCES, name)));
  }
  const key = `${hash.digest('hex')} ${process.platform} ${process.arch}`;
  if (stampedKey() !== key) {
    mkdirSync(INSTALLED, { recursive: true });
    for (const name of PINS) {
      copyFileSync(join(SOURCES, name), join(INSTALLED, name));
    }
    const { status, stdout, stderr } = spawnSync('npm', ['ci', '--prefix', INSTALLED, ...QUIETLY], {
      encoding: 'utf8',
    });
    if (status !== 0) {
      throw new Error(`npm cannot install the packages of the unchanged programs: ${stdout}${stderr}`);
    }
    writeFileSync(STAMP, key);
  }
  cpSync(SOURCES, INSTALLED, { recursive: true });
  return INSTALLED;
}

function stampedKey(): string {
  try {
    return readFileSync(STAMP, 'utf8');
  } catch {
    return '';
  }
}
