/**
 * Runs Node's own tests of net, http, https, http2, tls and streams, once on stock Node and once with a preload, and prints
 * those that fail only with the preload: `npm run test:node-core -- --tests FOLDER --preload overlapped/register http https`.
 * FOLDER has Node's `test` tree (`parallel`, `sequential`, `common`, `fixtures`) of the version that `--node` is, and is
 * never part of the project. Without `--preload` the script records the results of stock Node on this machine.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { report, rowsOf } from './node-tests/report.js';
import { killRunning, runTest } from './node-tests/run-one.js';
import { AREAS, runsAlone, testFolder, testsOf } from './node-tests/tree.js';
import { nodeOptionsFor, preloadFile, WAYS } from './preload.js';
import { fail, ROOT, run } from './tools.js';
import { whole } from './whole-number.js';

/** @import { NodeTest } from './node-tests/tree.js' */
/** @import { Result } from './node-tests/run-one.js' */
/** @typedef {'stock' | 'preload'} Mode */

const JOBS_MAX = 8;
const TIMEOUT_S_MAX = 600;

const command = new Command('test:node-core')
  .description("Runs Node's own tests, on stock Node and with a preload")
  .argument('[words...]', `areas (${AREAS.join(', ')}), or parts of the tests' paths`)
  .requiredOption('--tests <folder>', "a folder with Node's test tree")
  .option('--node <path>', 'the Node to test', process.execPath)
  .option('--preload <name>', 'what to load before each test: overlapped/register, or a path')
  .addOption(new Option('--with <way>', 'how it is loaded').choices(WAYS).default('import'))
  .option('--jobs <count>', 'tests at one time', whole(1, JOBS_MAX), 2)
  .option('--shard <part>', 'only a part of the tests, as 1/4', shard)
  .option('--timeout <seconds>', 'for each test', whole(1, TIMEOUT_S_MAX), 60)
  .option('--reuse', "takes stock Node's results of an earlier run, where there are some")
  .option('--results <folder>', 'where results are kept', '.cache/node-tests')
  .parse();
const options = command.opts();
const chosenAreas = command.args.filter((word) => AREAS.includes(word));
const words = command.args.filter((word) => !AREAS.includes(word));

const root = testFolder(options.tests);
if (root === undefined) {
  fail(`Cannot test: ${options.tests} has no folders parallel and common of Node's tests`);
}
const preload = options.preload === undefined ? undefined : preloadFile(options.preload, options.with);
if (options.preload !== undefined && preload === undefined) {
  fail(`Cannot load ${options.preload}: this package has no such entry, and there is no such file; build it first`);
}
const version = run(options.node, ['--version'], { quiet: true }).output.trim();
const all = testsOf(root, chosenAreas.length > 0 ? chosenAreas : AREAS.slice(0, -1), words);
const [part, parts] = options.shard ?? [1, 1];
const tests = all.filter((_, index) => index % parts === part - 1);
if (tests.length === 0) {
  fail('Cannot test: no test of these areas has such a name');
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.once(signal, () => {
    killRunning();
    process.exit(1);
  });
}
const stock = await resultsOf('stock');
const moved = preload === undefined ? undefined : await resultsOf('preload');
const how = preload === undefined ? '' : `, ${options.preload} by --${options.with}`;
console.log(`node ${version}${how}`);
process.exitCode = report(rowsOf(tests, stock, moved, version)) ? 0 : 1;

/**
 * The results of all tests in one mode; each failed test runs once more, alone.
 * @param {Mode} mode
 */
async function resultsOf(mode) {
  const file = resolve(ROOT, options.results, `${version}-${mode}.json`);
  const kept = readResults(file);
  const wanted = mode === 'stock' && options.reuse ? tests.filter(({ name }) => kept[name] === undefined) : tests;
  const nodeOptions = mode === 'preload' && preload !== undefined ? nodeOptionsFor(preload, options.with) : '';
  /** @type {Map<string, Result>} */
  const results = new Map();
  const one = async (/** @type {NodeTest} */ test, worker = 0) => {
    const timeoutMs = options.timeout * 1000;
    results.set(test.name, await runTest(test, { node: options.node, nodeOptions, timeoutMs, worker }));
  };
  const queue = wanted.filter((test) => !runsAlone(test));
  const work = async (/** @type {number} */ worker) => {
    for (let test = queue.shift(); test !== undefined; test = queue.shift()) {
      await one(test, worker);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, (_, worker) => work(worker)));
  for (const test of wanted.filter(runsAlone)) {
    await one(test);
  }
  for (const test of wanted.filter(({ name }) => results.get(name)?.ending === 'failed')) {
    await one(test);
  }
  const merged = { ...kept, ...Object.fromEntries(results) };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(merged, undefined, 1));
  return merged;
}

/**
 * @param {string} file
 * @returns {Record<string, Result>}
 */
function readResults(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return {};
  }
}

/** @param {string} text */
function shard(text) {
  const [, index, count] = (/^([1-9]\d?)\/([1-9]\d?)$/.exec(text) ?? []).map(Number);
  if (index === undefined || count === undefined || index > count) {
    throw new InvalidArgumentError('Expected a part of the tests, as 1/4.');
  }
  return [index, count];
}
