/** How long test files took when they ran last, by their names: kept in .cache, so that runs begin with the longest. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nameOf } from './test-files.js';
import { ROOT } from './tools.js';

const FOLDER = join(ROOT, '.cache/tests');
/** Assumed for a file that has not run yet. */
const SECONDS_UNKNOWN = 7;
/**
 * The same for the longest files, by their paths in test/ without the ending: in a fresh clone the last of them would
 * otherwise run alone.
 * @type {Readonly<Record<string, number>>}
 */
const SECONDS_LONG = {
  'engine/sim': 135,
  'drivers/sim/sim': 130,
  'unchanged/quick': 67,
  'drivers/select/select': 64,
  'drivers/io-uring/io-uring': 64,
  'drivers/epoll/epoll': 64,
  'engine/node': 64,
  'engine/epoll': 64,
  'engine/select': 63,
  'engine/io-uring': 61,
  'threads/killed-threads': 60,
  'threads/worker-ends': 60,
  'threads/worker-loading': 60,
  'threads/threads': 55,
  'drivers/turn-waits': 56,
  'simulation/mutations': 47,
  'threads/broadcast': 45,
  'cli/bench': 42,
  'bench/bench': 39,
  'package/copies': 37,
  'package/git-install': 36,
  'package/consumer': 33,
  'drivers/node/node': 32,
  'package/reference': 30,
  'simulation/simulation': 29,
  'register/moved': 28,
  'bench/turns': 27,
  'engine/node-windows': 30,
  'drivers/node/windows': 25,
  'drivers/thread-pool': 20,
};

/**
 * The files, the longest first. `system` is where they run: 'linux' or 'wine', for example.
 * @param {string} system
 * @param {readonly string[]} files
 */
export function longestFirst(system, files) {
  const seconds = secondsOf(system);
  return [...files].sort((one, other) => secondsIn(seconds, other) - secondsIn(seconds, one));
}

/**
 * Parts of the files that take about the same time: as many as `count`, or as there are files.
 * @param {string} system
 * @param {readonly string[]} files
 * @param {number} count
 */
export function shardsOf(system, files, count) {
  const seconds = secondsOf(system);
  const shards = Array.from({ length: Math.min(count, files.length) }, () => ({
    files: /** @type {string[]} */ ([]),
    seconds: 0,
  }));
  for (const file of longestFirst(system, files)) {
    const shard = shards.reduce((least, other) => (other.seconds < least.seconds ? other : least));
    shard.files.push(file);
    shard.seconds += secondsIn(seconds, file);
  }
  return shards.map((shard) => shard.files);
}

/**
 * Remembers how long files took.
 * @param {string} system
 * @param {Record<string, number>} seconds
 */
export function keepSeconds(system, seconds) {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(pathOf(system), `${JSON.stringify({ ...secondsOf(system), ...seconds }, null, 2)}\n`);
}

/**
 * @param {string} system
 * @returns {Record<string, number>}
 */
function secondsOf(system) {
  try {
    return JSON.parse(readFileSync(pathOf(system), 'utf8'));
  } catch {
    // Nothing has run yet, or the file is damaged: then only the order differs.
    return {};
  }
}

/**
 * @param {Record<string, number>} seconds
 * @param {string} file
 */
function secondsIn(seconds, file) {
  return seconds[file] ?? SECONDS_LONG[nameOf(file)] ?? SECONDS_UNKNOWN;
}

/** @param {string} system */
function pathOf(system) {
  return join(FOLDER, `seconds-${system}.json`);
}
