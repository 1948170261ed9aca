/** The preload under test, as a Node starts it. */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const require = createRequire(import.meta.url);

/** The ways by which Node loads a file before a program. */
export const WAYS = ['import', 'require'];
export const OURS = 'overlapped/register';

/**
 * The file of a preload: an entry of this package, as `import` or `require` finds it, or a path. Undefined if there is no
 * such entry or file.
 * @param {string} specifier
 * @param {string} way
 */
export function preloadFile(specifier, way) {
  if (!/^[./]/.test(specifier)) {
    try {
      const path = way === 'require' ? require.resolve(specifier) : fileURLToPath(import.meta.resolve(specifier));
      return existsSync(path) ? path : undefined;
    } catch {
      return undefined;
    }
  }
  const path = resolve(specifier);
  return existsSync(path) ? path : undefined;
}

/**
 * The NODE_OPTIONS that load a preload: child processes and workers of a program have them too.
 * @param {string} path
 * @param {string} way
 */
export function nodeOptionsFor(path, way) {
  return way === 'require' ? `--require=${JSON.stringify(path)}` : `--import=${pathToFileURL(path).href}`;
}
