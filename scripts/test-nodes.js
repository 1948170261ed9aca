/**
 * Runs the built tests under every version of Node that overlapped supports, each from its npm package: pinned in scripts/nodes,
 * kept in .cache/nodes. Numbers choose versions, words choose test files by their paths: `npm run test:nodes -- 22 24 tidy`.
 * Without words, test files whose result is the same under every Node are left out.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installPinned } from './pinned.js';
import { nodeAt, printResult, runSuite } from './suite.js';
import { nodeTestFiles, noTestFile } from './test-files.js';
import { longestFirst } from './test-seconds.js';
import { environmentOf, fail, ROOT, run } from './tools.js';

const MAJORS = ['20', '22', '24', '26'];
const PACKAGE = `node-${process.platform}-${process.arch}`;
const isNumber = (/** @type {string} */ argument) => /^\d+$/.test(argument);
const chosen = process.argv.slice(2).filter(isNumber);
const words = process.argv.slice(2).filter((argument) => !isNumber(argument));

const unknown = chosen.filter((major) => !MAJORS.includes(major));
if (unknown.length > 0) {
  fail(`Cannot test under Node ${unknown.join(', ')}: wanted one of ${MAJORS.join(', ')}`);
}
const prepared = run(process.execPath, [join(ROOT, 'scripts/prepare.js')]);
if (prepared.exitCode !== 0) {
  process.exit(prepared.exitCode);
}
const files = longestFirst(process.platform, nodeTestFiles(words));
if (files.length === 0) {
  fail(noTestFile(words));
}

let exitCode = 0;
for (const major of chosen.length > 0 ? chosen : MAJORS) {
  exitCode = Math.max(exitCode, await testUnder(major));
}
process.exit(exitCode);

/**
 * Runs the tests under one version, and shows their report if one failed. Returns the exit code.
 * @param {string} major
 */
async function testUnder(major) {
  const node = install(major);
  if (node === undefined) {
    return 1;
  }
  const result = await runSuite(nodeAt(node.path), files, { quiet: true, again: words.length === 0 });
  if (result.exitCode !== 0) {
    process.stdout.write(result.output);
  }
  return printResult(`node ${node.version}`, result);
}

/**
 * Installs the Node of a major version into the cache.
 * @param {string} major
 */
function install(major) {
  const directory = `.cache/nodes/${major}`;
  const path = join(ROOT, directory, 'node_modules', PACKAGE, 'bin/node');
  const installed = installPinned(`scripts/nodes/${major}`, directory, {
    onInstall: () => console.log(`test-nodes: installing Node ${major}`),
  });
  if (installed.exitCode !== 0 || !existsSync(path)) {
    process.stdout.write(installed.output);
    console.log(`node ${major}: 0 passed, 1 failed: npm cannot install ${PACKAGE}`);
    return undefined;
  }
  const { exitCode, output } = run(path, ['--version'], { quiet: true, env: environmentOf(path) });
  if (exitCode !== 0) {
    console.log(`node ${major}: 0 passed, 1 failed: cannot start: ${output.trim()}`);
    return undefined;
  }
  return { path, version: output.trim().slice(1) };
}
