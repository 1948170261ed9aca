/** A second copy of the package in this process, as two versions in `node_modules` or a test runner's registry make it. */

import { cpSync, rmSync } from 'node:fs';

// Beside the build itself, so that its imports resolve from there too.
const folder = new URL(`../../copy-${process.pid}/`, import.meta.url);
let isThere = false;

/** Loads modules of a copy of the build. The whole process has one, which is gone again when it ends. */
export async function withCopy<Result>(
  body: (load: (name: string) => Promise<unknown>) => Result,
): Promise<Awaited<Result>> {
  if (!isThere) {
    isThere = true;
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    cpSync(new URL('../../src/', import.meta.url), folder, { recursive: true });
  }
  return await body((name) => import(new URL(name, folder).href));
}
