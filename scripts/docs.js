/**
 * Builds the API reference from the docstrings with TypeDoc, into .cache/reference/html. Every warning is an error: an exported
 * name without documentation, a link that leads nowhere, a type that a public one uses and that is not exported.
 *
 * The project is compiled by TypeScript 7, which has no JavaScript API yet. TypeDoc needs one, so it brings a compiler of its
 * own; both are pinned in scripts/reference and kept in .cache/reference.
 */

import { join } from 'node:path';
import { installPinned } from './pinned.js';
import { read } from './stamp.js';
import { fail, ROOT, run } from './tools.js';

const CACHE = '.cache/reference';

const installed = installPinned('scripts/reference', CACHE, {
  onInstall: () => console.log('docs: installing TypeDoc'),
});
if (installed.exitCode !== 0) {
  process.stderr.write(installed.output);
  fail(`Cannot install TypeDoc: npm ci ended with ${installed.exitCode}`, installed.exitCode);
}

const { exitCode } = run(process.execPath, [
  join(ROOT, CACHE, 'node_modules/typedoc/bin/typedoc'),
  '--options',
  'scripts/reference/typedoc.json',
  ...entryPoints().flatMap((path) => ['--entryPoints', path]),
  '--out',
  `${CACHE}/html`,
]);
process.exit(exitCode);

/** The sources of what package.json exports, so that a new subpath is in the reference at once. */
function entryPoints() {
  const types = Object.values(JSON.parse(read('package.json')).exports).flatMap((target) => target.types ?? []);
  return types.map((path) => path.replace(/^\.\/dist\/(.*)\.d\.ts$/, '$1.ts'));
}
