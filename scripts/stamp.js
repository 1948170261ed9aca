/** Stamps: files that hold a key of everything a result was made from, so that it is made again only when that has changed. */

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './tools.js';

/**
 * One key for all the parts.
 * @param {readonly string[]} parts
 */
export function keyOf(parts) {
  const digest = createHash('sha256');
  for (const part of parts) {
    digest.update(`${part.length}:${part}`);
  }
  return digest.digest('hex');
}

/**
 * The key in a stamp; undefined if there is no such stamp.
 * @param {string} path
 */
export function stampOf(path) {
  try {
    return read(path);
  } catch {
    return undefined;
  }
}

/**
 * Writes the stamp of a finished result.
 * @param {string} path
 * @param {string} key
 */
export function stamp(path, key) {
  mkdirSync(dirname(join(ROOT, path)), { recursive: true });
  writeFileSync(join(ROOT, path), key);
}

/**
 * Removes a stamp, before its result is made again: an interrupted attempt then leaves none.
 * @param {string} path
 */
export function removeStamp(path) {
  rmSync(join(ROOT, path), { force: true });
}

/**
 * The text of a file, whose path is relative to the project's directory.
 * @param {string} path
 */
export function read(path) {
  return readFileSync(join(ROOT, path), 'utf8');
}
