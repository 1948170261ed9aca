/**
 * Installs the dependencies and builds, each only if something that it depends on has changed since the last time.
 * Run it with `--build` to build in any case. It says one line for each thing it does and nothing when there is
 * nothing to do.
 */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { keyOf, read, removeStamp, stamp, stampOf } from './stamp.js';
import { fail, filesBelow, ROOT, run, runNpm } from './tools.js';

const NODE_MIN = [20, 19];
const SOURCES = ['src', 'test', 'examples', 'bench'];
const OUTPUTS = /(?:\.d\.ts|\.js|\.js\.map)$/;
const INSTALL_STAMP = 'node_modules/.overlapped-install';
const BUILD_STAMP = 'dist/.overlapped-build';

checkNode();
const installed = install();
build(installed, process.argv.includes('--build'));

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
    fail(`Cannot run on this Node: found ${process.versions.node}, wanted ${NODE_MIN.join('.')} or later`);
  }
}

/** Installs what the lock file says and returns the key of what is installed. */
function install() {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read('package.json'));
  const key = keyOf([
    JSON.stringify({ dependencies, devDependencies, optionalDependencies }),
    read('package-lock.json'),
    process.platform,
    process.arch,
  ]);
  if (stampOf(INSTALL_STAMP) === key) {
    return key;
  }
  console.log('prepare: installing the dependencies');
  removeStamp(INSTALL_STAMP);
  // The compiler is a development dependency and koffi's binary an optional one: NODE_ENV and npm's settings may leave them out.
  const { exitCode, output } = runNpm(['ci', '--include=dev', '--include=optional']);
  if (exitCode !== 0) {
    process.stderr.write(output);
    fail(`Cannot install the dependencies: npm ci ended with ${exitCode}`, exitCode);
  }
  stamp(INSTALL_STAMP, key);
  return key;
}

/** Compiles the sources to dist/ and takes away what deleted sources left there. */
function build(installKey, forced) {
  const sources = SOURCES.flatMap(filesBelow).filter((path) => path.endsWith('.ts'));
  const inputs = ['package.json', 'tsconfig.json', ...sources];
  const key = keyOf([installKey, ...inputs.flatMap((path) => [path, read(path)])]);
  if (!forced && stampOf(BUILD_STAMP) === key) {
    return;
  }
  console.log(`prepare: building ${sources.length} files`);
  removeStamp(BUILD_STAMP);
  removeStaleOutputs(new Set(sources));
  const { exitCode } = run(process.execPath, [
    join(ROOT, 'node_modules/typescript/bin/tsc'),
    '--project',
    'tsconfig.json',
  ]);
  if (exitCode !== 0) {
    fail(`Cannot build: tsc ended with ${exitCode}`, exitCode);
  }
  stamp(BUILD_STAMP, key);
}

/** Outputs of living sources stay where they are, so that a program that runs from dist/ meanwhile finds its files. */
function removeStaleOutputs(sources) {
  for (const path of filesBelow('dist')) {
    const source = path.slice('dist/'.length).replace(OUTPUTS, '.ts');
    if (!sources.has(source)) {
      rmSync(join(ROOT, path), { force: true });
    }
  }
}
