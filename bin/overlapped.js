#!/usr/bin/env node
/** Starts the command line of `overlapped`, or says what a checkout that was not built needs. */

import { existsSync } from 'node:fs';

const entry = new URL('../dist/src/cli/main.js', import.meta.url);
const notReady =
  'overlapped: cannot start: this checkout is not built; run npm install and npm run build (npm start does it)';

if (existsSync(entry)) {
  try {
    const { main } = await import(entry.href);
    await main(process.argv);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') {
      throw error;
    }
    console.error(notReady);
    process.exitCode = 2;
  }
} else {
  console.error(notReady);
  process.exitCode = 2;
}
