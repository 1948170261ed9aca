/** Where things are, and which processor is whose. */

import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Downloads and compiled programs of the suite, and reports that are not committed. */
export const CACHE = join(ROOT, '.cache/bench');

export const SERVER_CPU = 0;
/** On another core where there is one: siblings of one core slow each other down. */
export const LOAD_CPU = loadCpuOf(siblingsOf(SERVER_CPU), cpus().length);

/** The processors of one core as Linux lists them (cputopology.rst): `0-1`, `0,32`; empty if the system does not tell. */
function siblingsOf(cpu: number): string {
  try {
    return readFileSync(`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`, 'utf8');
  } catch {
    return '';
  }
}

/** The first processor that shares no core with the server's, or the one beside it. */
export function loadCpuOf(siblings: string, processors: number): number {
  const ranges = siblings
    .trim()
    .split(',')
    .map((range) => range.split('-').map(Number));
  const isSibling = (cpu: number): boolean => ranges.some(([first = 0, last = first]) => first <= cpu && cpu <= last);
  const others = Array.from({ length: processors }, (_, cpu) => cpu).filter((cpu) => cpu !== SERVER_CPU);
  return others.find((cpu) => !isSibling(cpu)) ?? SERVER_CPU + 1;
}

/** A program of the suite that is built, by its path in `bench`. */
export const built = (path: string): string => join(ROOT, 'dist/bench', path);

/** A file of the suite as it is written. */
export const source = (path: string): string => join(ROOT, 'bench', path);

/** Runs the command after `$0` if `$0` is its parent: a parent that has ended by now could never end it. */
const WITH_PARENT = '[ "$PPID" = "$0" ] && exec "$@"';

/** A command, pinned to a processor, that ends with this process however that ends. */
export function pinned(cpu: number, command: readonly string[]): readonly string[] {
  const bound = ['setpriv', '--pdeathsig', 'KILL', 'sh', '-c', WITH_PARENT, String(process.pid)];
  return [...bound, 'taskset', '-c', String(cpu), ...command];
}
