/**
 * Puts the positions of the sources into a report of tests, in place of those in the built files. Node does the same with
 * `--enable-source-maps`, but for each process of the tests, and for each module that it loads: a tenth of all processor time.
 */

import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { Transform } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** A built file, as a path or as an address, with a line and a column. */
const POSITION = /(?:file:\/\/\/?)?[^\s()'"]*\bdist[\\/](?:src|test|examples|bench)[\\/][^\s()'":]+\.js:\d+:\d+/g;

/** By the paths of built files; undefined for those without a map. @type {Map<string, SourceMap | undefined>} */
const maps = new Map();

/**
 * A stream that passes a report on, with the positions of the sources. Each chunk of a reporter is a whole text.
 */
export function toSourcePositions() {
  return new Transform({
    transform(chunk, _, done) {
      done(null, withSourcePositions(String(chunk)));
    },
  });
}

/**
 * A text with the positions of the sources in it.
 * @param {string} text
 */
export function withSourcePositions(text) {
  return text.replace(POSITION, sourceOf);
}

/** @param {string} position */
function sourceOf(position) {
  const [, place = '', line, column] = /^(.*):(\d+):(\d+)$/.exec(position) ?? [];
  const built = place.startsWith('file:') ? fileURLToPath(place) : resolve(place);
  const entry = mapOf(built)?.findEntry(Number(line) - 1, Number(column) - 1);
  if (entry === undefined || !('originalSource' in entry)) {
    return position;
  }
  const source = join(dirname(built), entry.originalSource);
  return `${relative('', source)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
}

/** @param {string} built */
function mapOf(built) {
  if (!maps.has(built)) {
    maps.set(built, readMap(`${built}.map`));
  }
  return maps.get(built);
}

/** @param {string} path */
function readMap(path) {
  try {
    return new SourceMap(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    // It was built without one, or is gone: its positions stay as they are.
    return undefined;
  }
}
