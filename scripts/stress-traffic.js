/**
 * Sends random traffic through a real driver for some minutes and checks every byte: `npm run stress:traffic -- --minutes 10 --driver epoll`.
 * Detaches memory while it waits to be sent; pauses, ends and resets connections.
 */

import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { ROOT, run } from './tools.js';

const MINUTES_MAX = 60;

const options = new Command('stress:traffic')
  .description('Runs random traffic on a real driver, and checks every byte')
  .option('--minutes <count>', 'how long, at most 60', minutes, 1)
  .option('--driver <name>', 'io_uring, epoll, select or iocp', 'auto')
  .option('--seed <seed>', 'seed of the random choices; the system adds its own chance')
  .parse()
  .opts();

/** @param {string} text */
function minutes(text) {
  const value = Number(text);
  if (!(value > 0 && value <= MINUTES_MAX)) {
    throw new InvalidArgumentError(`Expected a number above 0, at most ${MINUTES_MAX}.`);
  }
  return value;
}

const prepared = run(process.execPath, [join(ROOT, 'scripts/prepare.js')]);
if (prepared.exitCode !== 0) {
  process.exit(prepared.exitCode);
}
const program = join(ROOT, 'dist/test/support/programs/stress-traffic.js');
const parameters = [options.driver, String(options.minutes), ...(options.seed === undefined ? [] : [options.seed])];
process.exit(run(process.execPath, [program, ...parameters]).exitCode);
