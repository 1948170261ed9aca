/**
 * Builds the API reference from the docstrings with TypeDoc, into .cache/reference/html. Every warning is an error: an exported
 * name without documentation, a link that leads nowhere, a type that a public one uses and that is not exported.
 *
 * The project is compiled by TypeScript 7, which has no JavaScript API yet. TypeDoc needs one, so it has a compiler of its
 * own. Both are pinned in scripts/reference and kept in .cache/reference.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installPinned } from './pinned.js';
import { read } from './stamp.js';
import { fail, ROOT, run } from './tools.js';

const CACHE = '.cache/reference';
/** Interfaces of the inside that a public class implements, types that programs pass on as they are, and sources of public types. */
const NOT_EXPORTED = [
  ...['Driver', 'DriverOptions', 'HANDLER_NAMES', 'HandlerErrorSinkOf'],
  ...['declareKernel32', 'declareWs2_32'],
];
const OPTIONS = join(ROOT, CACHE, 'typedoc.json');

const installed = installPinned('scripts/reference', CACHE, {
  onInstall: () => console.log('docs: installing TypeDoc'),
});
if (installed.exitCode !== 0) {
  process.stderr.write(installed.output);
  fail(`Cannot install TypeDoc: npm ci ended with ${installed.exitCode}`, installed.exitCode);
}

/** @type {Record<string, unknown>} */
const options = {
  name: 'overlapped',
  entryPoints: entryPoints(),
  tsconfig: join(ROOT, 'scripts/reference/tsconfig.json'),
  out: join(ROOT, CACHE, 'html'),
  readme: 'none',
  // The project's own compiler has found none.
  skipErrorChecking: true,
  disableSources: true,
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  sort: ['source-order'],
  treatWarningsAsErrors: true,
  validation: { invalidLink: true, notDocumented: true, notExported: true },
  intentionallyNotDocumented: structMembers(),
  intentionallyNotExported: NOT_EXPORTED,
};
writeFileSync(OPTIONS, JSON.stringify(options, undefined, 2));
const typedoc = join(ROOT, CACHE, 'node_modules/typedoc/bin/typedoc');
process.exit(run(process.execPath, [typedoc, '--options', OPTIONS]).exitCode);

/** The sources of the entries in package.json, so that a new one is in the reference at once. */
function entryPoints() {
  /** @type {{ exports: Record<string, string | { types: string }> }} */
  const { exports } = JSON.parse(read('package.json'));
  return Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [] : [join(ROOT, target.types.replace(/^\.\/dist\/(.*)\.d\.ts$/, '$1.ts'))],
  );
}

/** The members of C structs: each struct's comment has its layout, and the members have the names of their manual pages. */
function structMembers() {
  const sources = ['src/ffi/sockaddr.ts', 'src/ffi/windows/structs.ts'].map(read).join('\n');
  const structs = [...sources.matchAll(/^export const (\w+) = \{(.*?)\} as const;/gms)];
  const exported = structs.filter(([, name]) => name !== 'sockaddr_un');
  return exported.flatMap(([, name, body = '']) =>
    [...body.matchAll(/(\w+):/g)].map(([, member]) => `win32.${name}.__type.${member}`),
  );
}
