#!/usr/bin/env node
/** Starts the command line of `overlapped`, or explains that a checkout must be built first. */

import { existsSync, readFileSync } from 'node:fs';

const entry = new URL('../dist/lib/cli.js', import.meta.url);

if (existsSync(entry)) {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  try {
    const { main } = await import(entry.href);
    await main(process.argv, version);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') {
      throw error;
    }
    console.error(`overlapped: cannot start: ${error.message.split('\n')[0]}; run npm install`);
    process.exitCode = 2;
  }
} else {
  console.error(
    'overlapped: cannot start: this checkout is not built; run npm start, or npm install and npm run build',
  );
  process.exitCode = 2;
}
