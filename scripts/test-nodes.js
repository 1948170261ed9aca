/**
 * Runs the built tests under every version of Node that overlapped supports, each from its npm package: pinned in scripts/nodes,
 * kept in .cache/nodes. Numbers choose versions, words choose test files by their paths: `npm run test:nodes -- 22 24 tidy`.
 * Without words, test files whose result is the same under every Node are left out.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installPinned } from './pinned.js';
import { nodeAt, runSuite } from './suite.js';
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

const sum = { passed: 0, failed: 0 };
for (const major of chosen.length > 0 ? chosen : MAJORS) {
  const { passed, failed } = await testUnder(major);
  sum.passed += passed;
  sum.failed += failed;
}
console.log(`${sum.passed} passed, ${sum.failed} failed`);
process.exit(sum.failed === 0 ? 0 : 1);

/**
 * Runs the tests under one version. A run that failed for another reason than a failed test counts as one failed test.
 * @param {string} major
 */
async function testUnder(major) {
  const node = install(major);
  if (node === undefined) {
    return { passed: 0, failed: 1 };
  }
  const { passed, failed, skipped, exitCode, output } = await runSuite(nodeAt(node.path), files, { quiet: true });
  const failures = exitCode !== 0 ? Math.max(failed, 1) : failed;
  if (failures > 0) {
    process.stdout.write(output);
  }
  const more = `${failures > 0 ? `, ${failures} failed` : ''}${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  console.log(`node ${node.version}: ${passed} passed${more}`);
  return { passed, failed: failures };
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
