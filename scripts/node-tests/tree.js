/** Node's own tests in a folder with Node's `test` tree: which files belong to an area, and what each of them needs. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * `folder` and `name` together are the file's path in the tree; `flags` are those of its `// Flags:` line. A test that
 * `looksInside` uses Node's internals, or methods of `_handle`: it may fail on sockets that are not Node's own.
 * @typedef {{ path: string, name: string, folder: string, flags: string[], looksInside: boolean, usesSockets: boolean }} NodeTest
 */

/** The tests of these folders run at the same time, those of the others one after the other: they share ports. */
const PARALLEL = 'parallel';
const FOLDERS = [PARALLEL, 'sequential'];
const SOCKET_MODULES = /\brequire\('(?:node:)?(?:net|http|http2|https|tls)'\)/;
const INSIDE = /expose[-_]internals|internalBinding|process\.binding|_handle\.|_handle\[|\[kHandle\]/;

/** The areas; `stream` has only the tests that use sockets, `streams` has all of them. */
export const AREAS = ['net', 'http', 'https', 'http2', 'tls', 'stream', 'streams'];

/**
 * The `test` folder in a folder: the folder itself, or the one inside a checkout.
 * @param {string} folder
 */
export function testFolder(folder) {
  return [folder, join(folder, 'test')].find(
    (path) => existsSync(join(path, PARALLEL)) && existsSync(join(path, 'common')),
  );
}

/**
 * The tests of some areas, sorted; with words only those whose path contains one of them.
 * @param {string} root
 * @param {readonly string[]} areas
 * @param {readonly string[]} words
 * @returns {NodeTest[]}
 */
export function testsOf(root, areas, words) {
  const names = FOLDERS.filter((folder) => existsSync(join(root, folder))).flatMap((folder) =>
    readdirSync(join(root, folder)).map((file) => `${folder}/${file}`),
  );
  return names
    .sort()
    .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
    .flatMap((name) => {
      const area = areaOf(name);
      if (area === undefined || !areas.some((one) => one === area || (one === 'streams' && area === 'stream'))) {
        return [];
      }
      const test = read(root, name);
      return area === 'stream' && !areas.includes('streams') && !test.usesSockets ? [] : [test];
    });
}

/** @param {NodeTest} test */
export function runsAlone({ folder }) {
  return folder !== PARALLEL;
}

/** @param {string} name */
export function areaOf(name) {
  return /\/test-(net|http|https|http2|tls|stream)(?:[-.].*)?\.m?js$/.exec(name)?.[1];
}

/**
 * @param {string} root
 * @param {string} name
 */
function read(root, name) {
  const path = join(root, name);
  const text = readFileSync(path, 'utf8');
  const flags = [...text.matchAll(/^\/\/ Flags: (.*)$/gm)].flatMap(([, line]) => (line ?? '').trim().split(/\s+/));
  return {
    path,
    name,
    folder: name.slice(0, name.indexOf('/')),
    flags,
    looksInside: INSIDE.test(text),
    usesSockets: SOCKET_MODULES.test(text),
  };
}
