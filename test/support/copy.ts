/** A second copy of the package in this process, as two versions in `node_modules` or a test runner's registry make it. */

import { cpSync, rmSync } from 'node:fs';

/** Loads modules of a copy of the build, which is gone again afterwards. */
export async function withCopy<Result>(
  body: (load: (name: string) => Promise<unknown>) => Result,
): Promise<Awaited<Result>> {
  // Beside the build itself, so that its imports resolve from there too.
  const folder = new URL(`../../copy-${process.pid}/`, import.meta.url);
  cpSync(new URL('../../src/', import.meta.url), folder, { recursive: true });
  try {
    return await body((name) => import(new URL(name, folder).href));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
