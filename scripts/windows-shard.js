/** Runs a shard of the tests of Windows in one of Wine's prefixes: test-windows.js sends the files, and gets the results. */

import { once } from 'node:events';
import { nodeAt, runFiles } from './suite.js';
import { openWindowsNode, runWindowsNode } from './windows-node.js';
import { wasLost } from './wine-server.js';

/** @import { RunNode } from './suite.js' */
/** @import { NamedResult, Shard } from './windows-runner.js' */

/** All Windows processes of a prefix share one server process: two files at one time would measure each other. */
const CONCURRENCY = 1;
/** And each of their calls about a handle is a request to it: the contract suite takes minutes. */
const PATIENCE = 3;

const [{ wine, windows, args }] = /** @type {[Shard]} */ (await once(process, 'message'));
if (wine.length > 0) {
  // Before this process locks the prefix for itself: each of their programs locks it.
  await report('wine', await runWithWine(nodeAt(process.execPath), wine));
}
if (windows.length > 0) {
  await openWindowsNode();
  await report('windows', await runWithWine(runWindowsNode, windows));
}
process.exit(0);

/**
 * Runs files, and all of them once more if Wine's server crashed, which proves nothing about the tests. A second crash is a failure.
 * @param {RunNode} runNode
 * @param {string[]} files
 */
async function runWithWine(runNode, files) {
  const bounds = { args, concurrency: CONCURRENCY, patience: PATIENCE };
  wasLost();
  const result = await runFiles(runNode, files, bounds);
  if (result.exitCode === 0 || !wasLost()) {
    return result;
  }
  console.log("test: Wine's server crashed; its tests run once more");
  return runFiles(runNode, files, bounds);
}

/**
 * @param {string} name
 * @param {Awaited<ReturnType<typeof runFiles>>} result
 */
function report(name, { output: _, ...counts }) {
  /** @type {NamedResult} */
  const message = { name, ...counts };
  return new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve(undefined)));
}
