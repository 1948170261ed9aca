/**
 * Bundles the files that programs load, from src/ into dist/lib: one file for each entry of the package and for each
 * worker, and the chunks that they share. A program loads them in a third of the processor time of the single files.
 *
 * Tests, benchmarks and examples run the single files in dist/src instead, of which they replace and break some:
 * dist/package.json gives `overlapped` that meaning for every program below dist/. Programs that tests start
 * (test/support/child.ts) load the bundle.
 */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, posix } from 'node:path';
import { build } from 'esbuild';
import { read } from './stamp.js';
import { filesBelow, ROOT } from './tools.js';

const OUTPUT = 'dist/lib';
const INNER_PACKAGE = 'dist/package.json';

/** Entries that package.json does not export. */
const INNER_ENTRIES = [
  ['cli', 'src/cli/main.ts'],
  // The preload loads it by this path, and only if it is to move anything.
  ['register/move', 'src/register/move.ts'],
];

const WORKER = /\bnew URL\('(\.\/[^']+)\.js', import\.meta\.url\)/g;

/** Writes the bundle, and removes the files of the one before. */
export async function bundle() {
  const exported = exportedSources();
  const { metafile } = await build({
    absWorkingDir: ROOT,
    // With a dot in front, so that no name is taken for a package's.
    entryPoints: [...exported, ...INNER_ENTRIES, ...workers()].map(([out, path]) => ({ out, in: `./${path}` })),
    outdir: OUTPUT,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    packages: 'external',
    sourcemap: 'linked',
    metafile: true,
    logLevel: 'error',
  });
  const written = new Set(Object.keys(metafile.outputs));
  for (const path of filesBelow(OUTPUT)) {
    if (!written.has(path)) {
      rmSync(join(ROOT, path), { force: true });
    }
  }
  writeInnerPackage(exported);
}

/** The sources of the exports that have types, by the names of their files in dist/lib. */
function exportedSources() {
  const targets = Object.values(JSON.parse(read('package.json')).exports).filter(({ types }) => types !== undefined);
  return targets.map((target) => [
    basename(target.default, '.js'),
    target.types.replace(/^\.\/dist\/(.*)\.d\.ts$/, '$1.ts'),
  ]);
}

/** The files that the sources start workers with. Each is looked for beside the file that starts it, so names are unique. */
function workers() {
  const sources = filesBelow('src');
  const named = sources.flatMap((path) =>
    [...read(path).matchAll(WORKER)].map(([, name = '']) => [
      posix.basename(name),
      `${posix.join(posix.dirname(path), name)}.ts`,
    ]),
  );
  // An example in a comment names a program's file.
  return named.filter(([, path = '']) => sources.includes(path));
}

/** The package as programs below dist/ see it: its entries are the single files, and with the condition `bundled` the bundle's. */
function writeInnerPackage(/** @type {string[][]} */ exported) {
  const { name, type } = JSON.parse(read('package.json'));
  const exports = Object.fromEntries(
    exported.map(([entry = '', source = '']) => [
      entry === 'index' ? '.' : `./${entry}`,
      { bundled: `./lib/${entry}.js`, default: `./${source.replace(/\.ts$/, '.js')}` },
    ]),
  );
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  writeFileSync(join(ROOT, INNER_PACKAGE), JSON.stringify({ name, private: true, type, exports }));
}
