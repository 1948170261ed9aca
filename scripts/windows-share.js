/** Runs a share of the tests of Windows in one of Wine's prefixes, for test-windows.js: it says which, and hears what came of it. */

import { once } from 'node:events';
import { nodeAt, runFiles } from './suite.js';
import { openWindowsNode, runWindowsNode } from './windows-node.js';
import { wasLost } from './wine-server.js';

/** All Windows processes of a prefix share one server process: with two files at a time, each would measure the other. */
const CONCURRENCY = 1;
/** And each of their calls about a handle is a request to it: the contract suite takes minutes. */
const PATIENCE = 3;

const [{ wine, windows, args }] = await once(process, 'message');
if (wine.length > 0) {
  // Before this process takes its own turn in the prefix: each of their programs takes one.
  await tell('wine', await runWithWine(nodeAt(process.execPath), wine));
}
if (windows.length > 0) {
  await openWindowsNode();
  await tell('windows', await runWithWine(runWindowsNode, windows));
}
process.exit(0);

/** A crash of Wine's server says nothing of what is tested: then all runs once more. A second one is a failure. */
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

function tell(name, { output: _, ...counts }) {
  return new Promise((resolve) => process.send({ name, ...counts }, resolve));
}
