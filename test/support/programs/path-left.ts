/**
 * Listens on a path, closes, and listens again. With `locked` the directory forbids removing the file meanwhile. Prints
 * the result of listening again, and the codes of its warnings.
 */

import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate as nextIteration } from 'node:timers/promises';
import { type DriverChoice, listen } from 'overlapped';

/** The user `nobody`, who has few permissions. */
const NOBODY = 65_534;

const [driverName = 'auto', given = ''] = process.argv.slice(2);
const driver = driverName as DriverChoice;

function lockedPath(): string {
  if (process.getuid?.() === 0) {
    process.setgid?.(NOBODY);
    process.setuid?.(NOBODY);
  }
  return join(mkdtempSync(join(tmpdir(), 'overlapped-')), 'socket');
}

const path = given === 'locked' ? lockedPath() : given;
const warnings: string[] = [];
process.on('warning', ({ name, code }: NodeJS.ErrnoException) => {
  if (name.startsWith('Overlapped')) {
    warnings.push(`${name} ${code}`);
  }
});

const server = await listen({ driver, path });
if (given === 'locked') {
  chmodSync(dirname(path), 0o500);
}
await server.close();
const again = await listen({ driver, path }).then(
  async (second) => {
    await second.close();
    return 'listens';
  },
  ({ code }) => code,
);
await nextIteration();
process.stdout.write(`${JSON.stringify({ again, warnings, directory: dirname(path) })}\n`);
