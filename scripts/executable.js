/**
 * Makes a single executable application (https://nodejs.org/api/single-executable-applications.html) of a program and the
 * Node that runs this: `node scripts/executable.js PROGRAM EXECUTABLE`. The program is one file of CommonJS. postject, which
 * puts it into a copy of the node binary, is pinned in scripts/executable and kept in .cache/executable.
 */

import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPinned } from './pinned.js';
import { fail, ROOT, run } from './tools.js';

const CACHE = '.cache/executable';
const RESOURCE = 'NODE_SEA_BLOB';
/** Node looks for the program only if the last character of this is 1, which postject sets. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const [program, executable] = process.argv.slice(2);
if (program === undefined || executable === undefined) {
  fail('Cannot make an executable: wanted the paths of a program and of the executable');
}
const installed = installPinned('scripts/executable', CACHE);
if (installed.exitCode !== 0) {
  process.stderr.write(installed.output);
  fail(`Cannot install postject: npm ci ended with ${installed.exitCode}`, installed.exitCode);
}

const folder = mkdtempSync(join(tmpdir(), 'overlapped-executable-'));
try {
  const blob = join(folder, 'blob');
  const config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify({ main: program, output: blob, disableExperimentalSEAWarning: true }));
  step('--experimental-sea-config', config);
  copyFileSync(process.execPath, executable);
  const postject = join(ROOT, CACHE, 'node_modules/postject/dist/cli.js');
  step(postject, executable, RESOURCE, blob, '--sentinel-fuse', FUSE);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** @param {string[]} args */
function step(...args) {
  const { exitCode, output } = run(process.execPath, args, { quiet: true });
  if (exitCode !== 0) {
    process.stderr.write(output);
    rmSync(folder, { recursive: true, force: true });
    fail(`Cannot make an executable: ${args[0]} ended with ${exitCode}`);
  }
}
