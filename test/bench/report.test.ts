/** Figures, ratios and reports of the benchmark suite's samples. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Contender } from '../../bench/contender.js';
import { chosenContenders } from '../../bench/contenders/all.js';
import { figure, ratio } from '../../bench/figures.js';
import type { IdleMemory, Sample } from '../../bench/load/order.js';
import { ownPorts } from '../../bench/load/own-addresses.js';
import { parseOptions } from '../../bench/options.js';
import { isKept } from '../../bench/report/files.js';
import { growthReport } from '../../bench/report/growth.js';
import { lightLoadTable } from '../../bench/report/light-load.js';
import { apart, marksOf } from '../../bench/report/lines.js';
import { report, targetTable } from '../../bench/report/markdown.js';
import { READMES, readmeWith } from '../../bench/report/readme.js';
import type { Cell, Results } from '../../bench/results.js';
import { chosenScenarios } from '../../bench/scenarios/all.js';
import type { Scenario } from '../../bench/scenarios/scenario.js';
import { quietest, shuffled, takesPart } from '../../bench/suite.js';
import { cell, sample } from '../support/bench-cells.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

function resultsOf(cells: readonly Cell[], more: Partial<Results> = {}): Results {
  return {
    date: '2026-01-02',
    command: 'npm run bench',
    whole: true,
    kind: 'suite',
    finished: true,
    subject: '1.2.3 (abc)',
    node: '20.0.0',
    loadDriver: 'epoll',
    machine: { processor: 'P', processors: 2, memoryBytes: 2 ** 32, kernel: 'Linux 1' },
    quick: false,
    rounds: 2,
    firstWarmUpMs: 2000,
    warmUpMs: 300,
    measureMs: 1000,
    minutes: 1,
    contenders: ['engine:io_uring', 'net', 'bun', 'c:epoll', 'c:io_uring'].map((name) => ({
      name,
      title: name,
      version: '1',
    })),
    cells,
    ...more,
  };
}

test('a figure is the median, least and most of its rounds; CPU shares are of all rounds together', () => {
  const three = cell('net', 'ping-50', sample(100, 1, 2), sample(300, 2, 2), sample(200, 3, 2));
  assert.deepEqual(figure(three, 'rate'), { median: 200, least: 100, most: 300 });
  assert.deepEqual(figure(three, 'user'), { median: (100 + 600 + 600) / 600, least: 1, most: 3 });
  const nothing = figure(cell('net', 'ping-50'), 'rate');
  assert.deepEqual(nothing, { median: Number.NaN, least: Number.NaN, most: Number.NaN });
});

test('memory is reported as measured after all rounds', () => {
  const grown = [6e7, 9e7, 7e7].map((residentBytes) => sample(1, 1, 1, { residentBytes }));
  assert.deepEqual(figure(cell('net', 'ping-50', ...grown), 'memory'), { median: 7e7, least: 6e7, most: 9e7 });
  assert.equal(figure(cell('net', 'ping-50'), 'memory').median, Number.NaN);
});

test('the report states how servers were warmed up', () => {
  const [page] = report(resultsOf([cell('net', 'ping-50', sample(1, 1, 1))]));
  assert.match(page?.text ?? '', /warmed up for 2 s before the first round .*, then for 0\.3 s in each round; between/);
  const [quick] = report(resultsOf([cell('net', 'ping-50', sample(1, 1, 1))], { firstWarmUpMs: 0, warmUpMs: 500 }));
  assert.match(quick?.text ?? '', /warmed up for 0\.5 s in each round; between/);
});

test("a ratio is the median of the rounds' ratios, and there is none without samples", () => {
  const ours = cell('engine:io_uring', 'ping-50', sample(200, 1, 1), sample(90, 1, 1));
  const other = cell('net', 'ping-50', sample(100, 2, 2), sample(30, 2, 2));
  assert.deepEqual(ratio(ours, other, 'rate'), { median: 2.5, least: 2, most: 3 });
  assert.deepEqual(ratio(ours, other, 'cpu'), { median: 0.5, least: 0.5, most: 0.5 });
  const grown = (bytes: number): Sample => sample(1, 1, 1, { idle: { soon: bytes } });
  for (const bytes of [-100, 0, Number.NaN]) {
    const shrunk = ratio(
      cell('engine:io_uring', 'idle', grown(bytes)),
      cell('net', 'idle', grown(3000)),
      'residentSoon',
    );
    assert.equal(shrunk.median, Number.NaN, `${bytes}`);
  }
  assert.equal(ratio(ours, undefined, 'rate').median, Number.NaN);
});

test('the report shows targets with their spread, and missed targets in bold', () => {
  const results = resultsOf([
    cell('engine:io_uring', 'pipeline', sample(150, 1, 1), sample(210, 1, 1)),
    cell('net', 'pipeline', sample(100, 2, 2), sample(100, 2, 2)),
    cell('c:epoll', 'pipeline', sample(300, 1, 1), sample(300, 1, 1)),
    cell('c:io_uring', 'pipeline', sample(200, 1, 1), sample(200, 1, 1)),
  ]);
  assert.deepEqual(targetTable(results).rows, [
    [
      'Messages a second, 16 in flight on each of 50 connections',
      '1.80 (≥ 1.80); 1.50 to 2.10; by CPU 2.00',
      '**not measured**',
      '**0.60** (≥ 0.95); 0.50 to 0.70; by CPU 1.00',
    ],
  ]);
});

test('the report marks a load at its limit if the server was not at its own', () => {
  const busy = { loadCpu: 0.99e6 };
  const results = resultsOf([
    cell('engine:io_uring', 'pipeline', sample(1000, 50, 100, busy)),
    cell('net', 'pipeline', sample(1000, 300, 690, busy)),
  ]);
  const [[, toNet] = []] = targetTable(results).rows;
  assert.equal(toNet, '**1.00** (≥ 1.80); by CPU 6.60; load at its limit');
});

test('a rate at full core is reported beside the measured rate', () => {
  const results = resultsOf([
    cell('engine:io_uring', 'bulk-in-1', sample(3000, 200, 400)),
    cell('net', 'bulk-in-1', sample(1000, 100, 200)),
  ]);
  const [[, toNet] = []] = targetTable(results).rows;
  assert.equal(toNet, '**0.50** (≥ 1.20); as measured 3.00');
});

test('a measurement disturbed by other programs is repeated a few times, and the quietest one counts', async () => {
  const tried = async (shares: readonly number[], left: number): Promise<readonly number[]> => {
    let turns = 0;
    const repeats = { left };
    const measure = async (): Promise<Sample> => sample(1, 1, 1, { othersCpu: (shares[turns++] as number) * 1e6 });
    const { othersCpu } = await quietest(measure, repeats);
    return [turns, othersCpu / 1e6, repeats.left];
  };
  assert.deepEqual(await tried([0.05], 3), [1, 0.05, 3]);
  assert.deepEqual(await tried([0.5, 0.05], 3), [2, 0.05, 2]);
  assert.deepEqual(await tried([0.5, 0.3, 0.4, 0.6, 0.01], 3), [4, 0.3, 0]);
  assert.deepEqual(await tried([0.5, 0.01], 0), [1, 0.5, 0]);
});

test('of the figures of idle memory the least flattering one comes first, in the report and in the READMEs', () => {
  const cellsOf = (idle: IdleMemory): readonly Cell[] => [
    cell('engine:io_uring', 'idle', sample(1, 1, 1, { idle })),
    cell('net', 'idle', sample(1, 1, 1, { idle: { soon: 1000, late: 1000, inUse: 1000 } })),
  ];
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  for (const idle of [
    { soon: 100, late: 200, inUse: 300 },
    { soon: 300, late: 100, inUse: 200 },
    { soon: 200, late: 300, inUse: 100 },
  ]) {
    const results = resultsOf(cellsOf(idle));
    const inOrder = targetTable(results).rows.map(([, toNet]) => toNet?.match(/0\.\d\d/)?.[0]);
    assert.deepEqual(inOrder, ['0.30', '0.20', '0.10']);
    const rows = [...readmeWith(readme, results).matchAll(/per idle connection, [^|]+\| (0\.\d\d)/g)];
    assert.deepEqual(
      rows.map(([, ratio]) => ratio),
      ['0.30', '0.20', '0.10'],
    );
  }
});

test('a failure of overlapped is a line in the report, and such a report is not saved', () => {
  const net = cell('net', 'ping-50', sample(100, 1, 1));
  const failed: Cell = { scenario: 'ping-50', contender: 'engine:io_uring', samples: [], failure: 'It fell' };
  const results = resultsOf([failed, net]);
  assert.match(targetTable(results).rows[0]?.join() ?? '', /^CPU per message, .*,\*\*not measured\*\*,/);
  assert(!isKept(results));
  const [page] = report(results);
  assert.match(page?.text ?? '', /`engine:io_uring` failed: It fell/);
});

test('the report of a whole run is saved, even if a contender without a ratio failed', () => {
  const cells = [cell('net', 'ping-50', sample(100, 1, 1))];
  assert(isKept(resultsOf(cells)));
  assert(isKept(resultsOf([...cells, { scenario: 'ping-50', contender: 'asio', samples: [], failure: 'It fell' }])));
  for (const part of [{ whole: false }, { finished: false }]) {
    assert(!isKept(resultsOf(cells, part)));
  }
  const { contenders } = resultsOf(cells);
  for (const missing of ['net', 'bun', 'c:io_uring']) {
    const without = contenders.map((found) => (found.name === missing ? { ...found, missing: 'not here' } : found));
    assert(!isKept(resultsOf(cells, { contenders: without })), missing);
  }
  for (const contender of ['engine:io_uring', 'bun']) {
    assert(
      !isKept(resultsOf([...cells, { scenario: 'sparse', contender, samples: [], failure: 'It fell' }])),
      contender,
    );
  }
});

test('runs over TLS and of unchanged programs have pages of their own, which need all of their contenders', () => {
  for (const [kind, path] of [
    ['tls', 'TLS.md'],
    ['programs', 'PROGRAMS.md'],
  ] as const) {
    const contenders = [{ name: 'bun', title: 'bun', version: '1' }];
    const results = resultsOf([], { kind, contenders });
    assert.equal(report(results)[0]?.path, path);
    assert(isKept(results));
    assert(!isKept({ ...results, contenders: [{ name: 'bun', title: 'bun', missing: 'not here' }] }));
    assert(!isKept({ ...results, cells: [{ scenario: 'x', contender: 'bun', samples: [], failure: 'It fell' }] }));
  }
});

test('each round has its own order of the same servers, which is the same in each run', () => {
  const all = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const orders = [0, 1, 2, 3, 4].map((round) => shuffled(all, round).join(''));
  assert.equal(new Set(orders).size, orders.length);
  for (const order of orders) {
    assert.equal([...order].sort().join(''), all.join(''));
  }
  assert.deepEqual(
    orders,
    [0, 1, 2, 3, 4].map((round) => shuffled(all, round).join('')),
  );
  const before = orders.map((order) => order[order.indexOf('a') - 1]);
  assert.ok(new Set(before).size > 1, `${before} came before the first`);
  assert.deepEqual(shuffled([], 3), []);
});

test("the load connects from ports outside the system's ephemeral range, unless too few are left", () => {
  const own = ownPorts('32768\t60999\n');
  assert.deepEqual([own[0], own.at(-1), own.length], [10_000, 65_535, 32_768 - 10_000 + 65_536 - 61_000]);
  assert.ok(own.every((port) => port < 32_768 || port > 60_999));
  assert.equal(ownPorts('1024 65535').length, 65_536 - 10_000);
});

test('two contenders of one name are an error', () => {
  assert.throws(() => chosenContenders(['net', 'bun', 'net']), /net is there twice/);
  assert.deepEqual(
    chosenContenders(['net', 'mine=node server.js']).map(({ name }) => name),
    ['net', 'mine'],
  );
});

test('a quick run is not judged, and is named by its options', () => {
  const cells = ['engine:io_uring', 'net'].map((name) => cell(name, 'broadcast', sample(1000, 1, 1)));
  const [quick] = report(resultsOf(cells, { quick: true, whole: false }));
  assert.match(quick?.text ?? '', /to each of 1,000 connections/);
  assert.doesNotMatch(quick?.text ?? '', /reached\*\*|≥/);
  const [whole] = report(resultsOf(cells));
  assert.match(whole?.text ?? '', /to each of 5,000 connections/);
  assert.match(whole?.text ?? '', /\*\*1\.00\*\* \(≥ 2\.50\)/);
});

test('the report names the scenarios in which other programs used the machine', () => {
  const disturbed = cell('net', 'ping-50', sample(100, 1, 1, { othersCpu: 3e5 }));
  const results = resultsOf([disturbed, cell('net', 'ping-500', sample(100, 1, 1))]);
  const told = /busy with other things\*\*: other programs took this share of a processor in ping-50 \(30 %\)\./;
  const [page] = report(results);
  assert.match(page?.text ?? '', told);
  assert.match(readmeWith(readFileSync(join(ROOT, 'README.md'), 'utf8'), results), told);
  const [quiet] = report(resultsOf([cell('net', 'ping-500', sample(100, 1, 1))]));
  assert.doesNotMatch(quiet?.text ?? '', /busy with other things/);
});

for (const [name, words] of Object.entries(READMES)) {
  test(`${name} gets the ratios between its marks, and nothing else changes`, () => {
    const readme = readFileSync(join(ROOT, name), 'utf8');
    const cells = ['engine:io_uring', 'net'].map((contender) => cell(contender, 'ping-50', sample(1000, 1, 1)));
    const once = readmeWith(readme, resultsOf(cells), words);
    assert.equal(readmeWith(once, resultsOf(cells), words), once);
    assert.match(once, /^\| [^|]+ 64 [^|]+\| 1\.00 \| 1\.00 \S+ 1\.00 \|$/m);
    const [before = '', after = ''] = readme.split(/<!-- The lines from here.*To here\. -->/s);
    assert(before.length > 0 && once.startsWith(before) && once.endsWith(after));
    assert.throws(() => readmeWith('# overlapped', resultsOf(cells), words), /marks/);
  });

  test(`${name} shows ratios of the report`, () => {
    const wanted = readFileSync(join(ROOT, 'bench/RESULTS.md'), 'utf8').match(/^\| .*\([≤≥] .*$/gm) ?? [];
    const rows = readFileSync(join(ROOT, name), 'utf8').matchAll(
      /^\| [^|]+ \| (\d\.\d\d) \| ([\d.]+) \S+ ([\d.]+) \|$/gm,
    );
    const shown = [...rows].map(([, median, least, most]) => ({ median, range: `${least} to ${most}` }));
    assert(shown.length >= 5);
    for (const { median, range } of shown) {
      assert(
        wanted.some((line) => line.split('|')[2]?.includes(`${median}`) && line.split('|')[2]?.includes(range)),
        range,
      );
    }
  });
}

test('light load has a row of targets for each driver, with latencies', () => {
  const measured = (contender: string, cpu: number, p50: number): Cell =>
    cell(contender, 'light-200x20', sample(600, cpu, 0, { latency: { p50, p99: 2 * p50 } }));
  const results = resultsOf([
    measured('engine:io_uring', 80, 50),
    measured('engine:epoll', 95, 70),
    measured('net', 100, 60),
    measured('bun', 80, 60),
  ]);
  assert.deepEqual(lightLoadTable(results).rows, [
    ['`light-200x20`, `engine:io_uring`', '0.80 (≤ 0.90)', '1.00 (≤ 1.10)', '-', '0.83 (≤ 1.00)', '0.83 (≤ 1.00)'],
    [
      '`light-200x20`, `engine:epoll`',
      '**0.95** (≤ 0.90)',
      '**1.19** (≤ 1.10)',
      '-',
      '**1.17** (≤ 1.00)',
      '**1.17** (≤ 1.00)',
    ],
  ]);
  const [page] = report(results);
  assert.match(page?.text ?? '', /## Targets under light load/);
  assert.match(page?.text ?? '', /^\| bun \| 600 \| 80\.00 \| 0\.80 \| 80\.0 to 80\.0 \| 60\.0 \| 1\.00 \|/m);
});

test('a scenario may be for some contenders, unless they are chosen by name', () => {
  const [scenario] = chosenScenarios(['light-200x20']) as [Scenario];
  const [deno, net, iocp] = chosenContenders(['deno', 'net', 'wine:iocp']) as [Contender, Contender, Contender];
  assert.deepEqual(
    [deno, net, iocp].map((contender) => takesPart(contender, scenario, false)),
    [false, true, false],
  );
  assert(takesPart(deno, scenario, true) && !takesPart(iocp, scenario, true));
  assert.deepEqual(scenario.work(false), { kind: 'paced', connections: 20, perSecond: 200, sizeBytes: 64 });
  assert.deepEqual([scenario.measureMsMin?.(false), scenario.measureMsMin?.(true)], [3000, 1000]);
});

test('a run of growth has a chart and a table for each line of points, with failures and missing contenders', () => {
  const points = ['growth-connections-10', 'growth-connections-15000', 'growth-bytes-16'];
  const cells = points.flatMap((scenario, index) => [
    cell('engine:io_uring', scenario, sample(1000, index + 1, 1)),
    cell('net', scenario, sample(1000, 2 * index + 2, 2)),
  ]);
  const failed: Cell = { scenario: points[1] as string, contender: 'bun', samples: [], failure: 'It fell' };
  const { contenders } = resultsOf([]);
  const missing = contenders.map((found) => (found.name === 'c:epoll' ? { ...found, missing: 'no compiler' } : found));
  const [page, ...charts] = growthReport(resultsOf([...cells, failed], { kind: 'growth', contenders: missing }));
  assert.equal(page?.path, 'GROWTH.md');
  assert.match(page.text, /^\| CPU per message, µs \| 10 \| 15,000 \|$/m);
  assert.match(page.text, /^\| engine:io_uring \| 2\.00 \(0\.50\) \| 3\.00 \(0\.50\) \|$/m);
  assert.match(page.text, /^\| net \| 50\.0 \| 50\.0 \|$/m);
  assert.match(page.text, /^\| CPU per message, µs \| 16 B \|$/m);
  const busy = cell('net', 'growth-bytes-16', sample(1000, 1, 1, { othersCpu: 3e5 }));
  assert.match(
    growthReport(resultsOf([busy], { kind: 'growth' }))[0]?.text ?? '',
    /busy with other things.* growth-bytes-16/,
  );
  assert.match(page.text, /`bun` failed in `growth-connections-15000`: It fell/);
  assert.match(page.text, /not measured: no compiler/);
  assert.deepEqual(
    charts.map(({ path }) => path),
    ['connections-cpu', 'connections-memory', 'bytes-cpu'].map((name) => `charts/growth-${name}.svg`),
  );
  for (const { text } of charts) {
    assert.doesNotMatch(text, /NaN|Infinity/);
    assert.match(text, /engine:io_uring/);
  }
});

test('a scale has marks from below the least value to above the greatest, and names are apart', () => {
  assert.deepEqual(marksOf([3, 42]), [2, 5, 10, 20, 50]);
  assert.deepEqual(marksOf([0.07, Number.NaN, 1]), [0.05, 0.1, 0.2, 0.5, 1]);
  assert.deepEqual(marksOf([10]), [10]);
  const heights = apart([50, 52, 10, 51], 10);
  const sorted = [...heights].sort((one, other) => one - other);
  assert(
    sorted.every((height, index) => index === 0 || height - (sorted[index - 1] as number) > 9),
    `${heights}`,
  );
  assert.equal(heights[2], 10);
});

test('a quick run omits scenarios that resemble others, a run of growth has its own, and any can be named', () => {
  const namesOf = (...words: readonly string[]): readonly string[] =>
    parseOptions(words, new AbortController().signal).plan.scenarios.map(({ name }) => name);
  const quick = namesOf('--quick');
  assert(quick.includes('light-2000x20') && !quick.includes('light-200x20') && !quick.includes('light-2000x500'));
  assert(namesOf().includes('light-2000x500'));
  assert(namesOf('--growth').every((name) => name.startsWith('growth-')));
  assert.deepEqual(namesOf('--quick', '--scenario', 'light-200x20', 'growth-bytes-16'), [
    'light-200x20',
    'growth-bytes-16',
  ]);
  assert(namesOf('--tls').every((name) => name.startsWith('tls-')));
  const { whole, kind, plan } = parseOptions(['--growth'], new AbortController().signal);
  assert.deepEqual([whole, kind, plan.rounds, plan.chosen], [true, 'growth', 3, false]);
});
