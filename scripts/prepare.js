/**
 * Installs the dependencies and builds, each only if its inputs have changed since the last time. With `--build` it builds
 * all files in any case. With `--installed` it does not install: npm runs that itself (`prepare`), after it has installed.
 * Prints one line for each step that it runs.
 *
 * The stamps say whether there is anything to do: `tsc --build` alone takes twice as long to find that out, leaves the
 * outputs of deleted sources, and does not notice a lost output. A build after a change is incremental.
 */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { keyOf, read, removeStamp, stamp, stampOf } from './stamp.js';
import { fail, filesBelow, ROOT, run, runNpm } from './tools.js';

const NODE_MIN = { major: 20, minor: 19 };
const SOURCES = ['src', 'test', 'examples', 'bench'];
const OUTPUTS = /(?:\.d\.ts|\.js|\.js\.map)$/;
/** Written and removed by bundle.js. */
const BUNDLE = /^dist\/(?:lib\/|package\.json$)/;
const INSTALL_STAMP = 'node_modules/.overlapped-install';
const BUILD_STAMP = 'dist/.overlapped-build';
/** The compiler's own record of the last build, named in tsconfig.json. */
const BUILD_INFO = 'dist/.tsbuildinfo';

checkNode();
const installed = install(process.argv.includes('--installed'));
await build(installed, process.argv.includes('--build'));

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < NODE_MIN.major || (major === NODE_MIN.major && minor < NODE_MIN.minor)) {
    fail(
      `Cannot run on this Node: found ${process.versions.node}, wanted ${NODE_MIN.major}.${NODE_MIN.minor} or later`,
    );
  }
}

/**
 * Installs the packages of the lock file and returns the key of the installation.
 * @param {boolean} byNpm npm has installed them already
 */
function install(byNpm) {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read('package.json'));
  const key = keyOf([
    JSON.stringify({ dependencies, devDependencies, optionalDependencies }),
    read('package-lock.json'),
    process.platform,
    process.arch,
  ]);
  if (byNpm || stampOf(INSTALL_STAMP) === key) {
    return key;
  }
  console.log('prepare: installing the dependencies');
  removeStamp(INSTALL_STAMP);
  // The next build is a whole one: the compiler or the types may be others.
  removeStamp(BUILD_INFO);
  // The compiler is a development dependency and koffi's binary an optional one: NODE_ENV and npm's settings may leave them out.
  // No package needs its install script, and the project's own `prepare` is this file.
  const { exitCode, output } = runNpm(['ci', '--include=dev', '--include=optional', '--ignore-scripts']);
  if (exitCode !== 0) {
    process.stderr.write(output);
    fail(`Cannot install the dependencies: npm ci ended with ${exitCode}`, exitCode);
  }
  stamp(INSTALL_STAMP, key);
  return key;
}

/**
 * Compiles the sources to dist/, removes the outputs of deleted sources, and bundles.
 * @param {string} installKey
 * @param {boolean} forced
 */
async function build(installKey, forced) {
  const sources = SOURCES.flatMap(filesBelow).filter((path) => path.endsWith('.ts'));
  const inputs = ['package.json', 'tsconfig.json', 'scripts/bundle.js', ...sources];
  const key = keyOf([installKey, ...inputs.flatMap((path) => [path, read(path)])]);
  if (!forced && stampOf(BUILD_STAMP) === key) {
    return;
  }
  console.log(`prepare: building ${sources.length} files`);
  removeStamp(BUILD_STAMP);
  removeStaleOutputs(new Set(sources));
  const { exitCode } = run(process.execPath, [
    join(ROOT, 'node_modules/typescript/bin/tsc'),
    '--build',
    ...(forced ? ['--force'] : []),
    'tsconfig.json',
  ]);
  if (exitCode !== 0) {
    fail(`Cannot build: tsc ended with ${exitCode}`, exitCode);
  }
  // Imported here, as esbuild may have been installed a moment ago.
  const { bundle } = await import('./bundle.js');
  await bundle();
  stamp(BUILD_STAMP, key);
}

/**
 * Removes the outputs of deleted sources. The others stay, as a program may run from dist/ meanwhile.
 * @param {Set<string>} sources
 */
function removeStaleOutputs(sources) {
  for (const path of filesBelow('dist')) {
    const source = path.slice('dist/'.length).replace(OUTPUTS, '.ts');
    if (!sources.has(source) && !BUNDLE.test(path) && !path.startsWith(BUILD_INFO)) {
      rmSync(join(ROOT, path), { force: true });
    }
  }
}
