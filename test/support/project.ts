/** The project's own files, for tests of what linters cannot check. */

import { readdirSync, readFileSync } from 'node:fs';

const ROOT = new URL('../../../', import.meta.url);
const NOT_OURS: ReadonlySet<string> = new Set(['.git', '.cache', 'dist', 'node_modules', 'package-lock.json']);

export const FILES = filesBelow('');
export const SOURCES = FILES.filter((path) => path.startsWith('src/') && path.endsWith('.ts'));

/** A file without its comments, as far as these rules care: a comment may name what the code may not. */
export function codeOf(path: string): string {
  return read(path)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '$1');
}

export function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

function filesBelow(directory: string): string[] {
  const entries = readdirSync(new URL(directory, ROOT), { withFileTypes: true });
  return entries
    .filter(({ name }) => !NOT_OURS.has(name))
    .flatMap((entry) => {
      const path = `${directory}${entry.name}`;
      return entry.isDirectory() ? filesBelow(`${path}/`) : [path];
    })
    .sort();
}
