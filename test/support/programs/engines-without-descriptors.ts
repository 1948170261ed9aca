/**
 * Engines that cannot be created without descriptors leave none open. Argument: options of the engine (JSON). Prints,
 * as JSON, the result for each number of free descriptors, and how many were left open.
 */

import { closeSync, openSync, readdirSync } from 'node:fs';
import { Engine } from 'overlapped';

const options = JSON.parse(process.argv[2] as string);
const FREE_MAX = 14;

const openCount = (): number => readdirSync('/proc/self/fd').length;

async function rested(): Promise<number> {
  // libuv closes handles in the next iterations.
  for (let iteration = 0; iteration < 20; iteration++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return openCount();
}

/** With only this many descriptors left. */
function tryToMake(free: number): string {
  const filled: number[] = [];
  try {
    for (;;) {
      filled.push(openSync('/dev/null', 'r'));
    }
  } catch {
    filled.splice(0, free).forEach(closeSync);
  }
  try {
    new Engine(options).close();
    return 'made';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    filled.forEach(closeSync);
  }
}

// Once before: libraries and modules are loaded.
new Engine(options).close();
const results: { readonly free: number; readonly result: string; readonly left: number }[] = [];
const before = await rested();
for (let free = 0; free <= FREE_MAX; free++) {
  const result = tryToMake(free);
  results.push({ free, result, left: (await rested()) - before });
}
console.log(JSON.stringify(results));
