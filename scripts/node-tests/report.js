/** The results of Node's own tests on stock Node and with a preload, as tables and lists. */

import { readFileSync } from 'node:fs';
import CliTable from 'cli-table3';
import { AREAS, areaOf } from './tree.js';

/** @import { NodeTest } from './tree.js' */
/** @import { Result } from './run-one.js' */
/** @typedef {Record<string, Result>} Results by the names of tests */
/**
 * `lost` is a test that fails with the preload only, and `explanation` is why a failure is no defect, or empty.
 * @typedef {{ name: string, looksInside: boolean, stock: Result | undefined, preload: Result | undefined, lost: boolean, explanation: string }} Row
 */
/**
 * Why a test fails `on` stock Node (and with the preload), or with the `preload` only; under all major versions or some.
 * @typedef {Record<string, { on: 'stock' | 'preload', nodes?: number[], why: string }>} Known
 */

const KNOWN_FILE = new URL('known.json', import.meta.url);

/**
 * @param {readonly NodeTest[]} tests
 * @param {Results} stock
 * @param {Results | undefined} moved
 * @param {string} version
 * @returns {Row[]}
 */
export function rowsOf(tests, stock, moved, version) {
  /** @type {Known} */
  const known = JSON.parse(readFileSync(KNOWN_FILE, 'utf8'));
  const major = Number(/^v(\d+)/.exec(version)?.[1]);
  return tests.map(({ name, looksInside }) => {
    const lost = moved?.[name]?.ending === 'failed' && stock[name]?.ending !== 'failed';
    const found = known[name];
    const explains = found?.on === (lost ? 'preload' : 'stock') && (found.nodes?.includes(major) ?? true);
    return {
      name,
      looksInside,
      stock: stock[name],
      preload: moved?.[name],
      lost,
      explanation: explains ? found.why : '',
    };
  });
}

/**
 * Prints everything; true if each failure with the preload only is explained.
 * @param {readonly Row[]} rows
 */
export function report(rows) {
  const moved = rows.some(({ preload }) => preload !== undefined);
  console.log((moved ? comparison(rows) : baseline(rows)).toString());
  const failed = rows.filter((row) => row.stock?.ending === 'failed');
  const lost = rows.filter((row) => row.lost);
  printList('failed on stock Node', failed, 'stock');
  printList('failed with the preload only', lost, 'preload');
  printList(
    'passed with the preload only',
    failed.filter((row) => row.preload?.ending === 'passed'),
    'stock',
  );
  const count = (/** @type {Result['ending']} */ ending) => {
    return rows.filter((row) => (row.preload ?? row.stock)?.ending === ending).length;
  };
  console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
  return lost.every(({ explanation }) => explanation !== '');
}

/** @param {readonly Row[]} rows */
function baseline(rows) {
  const table = tableOf(['area', 'tests', 'passed', 'failed', 'explained', 'skipped']);
  for (const [area, mine] of byArea(rows)) {
    const failed = mine.filter((row) => row.stock?.ending === 'failed');
    const [passed, skipped] = [counted(mine, 'stock', 'passed'), counted(mine, 'stock', 'skipped')];
    table.push([area, mine.length, passed, failed.length, explained(failed), skipped]);
  }
  return table;
}

/** @param {readonly Row[]} rows */
function comparison(rows) {
  const lostHeads = ['only with the preload', 'which look inside', 'explained'];
  const table = tableOf(['area', 'tests', 'passed both', 'failed both', ...lostHeads, 'skipped']);
  for (const [area, mine] of byArea(rows)) {
    const passed = counted(
      mine.filter((row) => row.stock?.ending === 'passed'),
      'preload',
      'passed',
    );
    const failed = counted(
      mine.filter((row) => row.stock?.ending === 'failed'),
      'preload',
      'failed',
    );
    const lost = mine.filter((row) => row.lost);
    const inside = lost.filter(({ looksInside }) => looksInside).length;
    const skipped = counted(mine, 'preload', 'skipped');
    table.push([area, mine.length, passed, failed, lost.length, inside, explained(lost), skipped]);
  }
  return table;
}

/** @param {string[]} head */
function tableOf(head) {
  return new CliTable({ head, style: { head: [], border: [] } });
}

/**
 * @param {readonly Row[]} rows
 * @returns {[string, Row[]][]}
 */
function byArea(rows) {
  const areas = AREAS.filter((area) => rows.some(({ name }) => areaOf(name) === area));
  /** @type {[string, Row[]][]} */
  const lists = areas.map((area) => [area, rows.filter(({ name }) => areaOf(name) === area)]);
  return areas.length > 1 ? [...lists, ['all', [...rows]]] : lists;
}

/**
 * @param {readonly Row[]} rows
 * @param {'stock' | 'preload'} mode
 * @param {Result['ending']} ending
 */
function counted(rows, mode, ending) {
  return rows.filter((row) => row[mode]?.ending === ending).length;
}

/** @param {readonly Row[]} rows */
function explained(rows) {
  return rows.filter(({ explanation }) => explanation !== '').length;
}

/**
 * @param {string} title
 * @param {readonly Row[]} rows
 * @param {'stock' | 'preload'} mode
 */
function printList(title, rows, mode) {
  if (rows.length === 0) {
    return;
  }
  console.log(`\n${title}:`);
  for (const { name, looksInside, explanation, ...row } of rows) {
    console.log(`  ${name}${looksInside ? ' (looks inside)' : ''}`);
    console.log(`      ${explanation === '' ? row[mode]?.error : `explained: ${explanation}`}`);
  }
}
