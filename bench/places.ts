/** Where things are, and which processor is whose. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What is fetched or compiled for the suite, and reports that are not to be kept. */
export const CACHE = join(ROOT, '.cache/bench');

export const SERVER_CPU = 0;
export const LOAD_CPU = 1;

/** A program of the suite that is built, by its path in `bench`. */
export const built = (path: string): string => join(ROOT, 'dist/bench', path);

/** A file of the suite as it is written. */
export const source = (path: string): string => join(ROOT, 'bench', path);

/** A command, pinned to a processor, that ends with this process however that ends. */
export function pinned(cpu: number, command: readonly string[]): readonly string[] {
  return ['setpriv', '--pdeathsig', 'KILL', 'taskset', '-c', String(cpu), ...command];
}
