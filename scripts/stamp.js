/** Stamps: files that say what something was made from, so that it is made again only when that has changed. */

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './tools.js';

/** One key for all the parts. */
export function keyOf(parts) {
  const digest = createHash('sha256');
  for (const part of parts) {
    digest.update(`${part.length}:${part}`);
  }
  return digest.digest('hex');
}

/** The key in a stamp; undefined when there is no such stamp. */
export function stampOf(path) {
  try {
    return read(path);
  } catch {
    return undefined;
  }
}

/** Stamps what is finished. */
export function stamp(path, key) {
  mkdirSync(dirname(join(ROOT, path)), { recursive: true });
  writeFileSync(join(ROOT, path), key);
}

/** Takes the stamp away while what it vouches for is being made. */
export function removeStamp(path) {
  rmSync(join(ROOT, path), { force: true });
}

/** A file of the project, by its path from the project's directory. */
export function read(path) {
  return readFileSync(join(ROOT, path), 'utf8');
}
