/** The built test files, where each of them runs, and which of them the words on a command line choose. */

import { filesBelow } from './tools.js';

const TESTS = 'dist/test';
const ENDING = '.test.js';

/** Test files that only Windows can run, by their paths in test/ without the ending: a folder, or one file. */
const WINDOWS_ONLY = [
  'drivers/iocp/',
  'drivers/select/windows',
  'engine/iocp',
  'ffi/windows-win32',
  'package/windows-node',
  'threads/windows',
];
/** Test files that run on Windows too. */
const WINDOWS_TOO = [
  'base/fifo',
  'cli/bad-input',
  'cli/doctor',
  'drivers/select/select',
  'drivers/thread-pool',
  'engine/select',
  'examples/port',
  'package/copies',
  'package/docs',
  'port/completion-router',
  'port/interrupted-operations',
  'port/memory',
  'port/operations',
  'port/sends',
  'threads/worker-loading',
];
/** Test files that run here and start programs in Wine: they belong to the tests of Windows. */
const IN_WINE = ['cli/wine', 'examples/wine', 'package/wine-lost'];

const SUGGESTIONS_MAX = 5;

/**
 * Splits the arguments of a test command: words choose test files by their paths, arguments with a dash are for Node.
 * @param {readonly string[]} parameters
 */
export function chosenBy(parameters) {
  return {
    words: parameters.filter((parameter) => !parameter.startsWith('-')),
    args: parameters.filter((parameter) => parameter.startsWith('-')),
  };
}

/**
 * The test files for this machine whose path contains one of the words; all of them when there are no words.
 * @param {readonly string[]} words
 */
export function testFiles(words) {
  return filesNamed(words).filter((path) => !isOneOf(WINDOWS_ONLY, path) && !isOneOf(IN_WINE, path));
}

/**
 * The same for Windows.
 * @param {readonly string[]} words
 */
export function windowsTestFiles(words) {
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
function nameOf(path) {
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
