/** The benchmark suite runs and reports. No speed is asserted: the machine of a test is busy. */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Child } from '../support/child.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const RUN = fileURLToPath(new URL('../../bench/run.js', import.meta.url));
const TIMEOUT_MS = 60_000;

const folder = mkdtempSync(join(ROOT, 'dist', 'bench-'));
after(() => rmSync(folder, { recursive: true }));

const skip =
  process.platform !== 'linux'
    ? "it reads processes' times from Linux' /proc"
    : cpus().length < 2 && 'it wants a processor for the server and one for the load';

async function bench(...words: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await new Child(RUN, words, { timeoutMs: TIMEOUT_MS }).ended;
  assert.equal(exitCode, 0, `${stdout}${stderr}`);
  return stdout;
}

/** The cells of each line of the report's tables that begins with a title. */
function rowsOf(page: string, title: string): string[][] {
  const lines = page.split('\n').filter((line) => line.startsWith(`| ${title} |`));
  return lines.map((line) => line.split('|').map((cell) => cell.trim()));
}

test('a run of one scenario writes its table, its chart and the ratios', { skip, timeout: TIMEOUT_MS }, async () => {
  const contenders = ['engine:epoll', 'net', 'c:epoll'];
  await bench(
    '--scenario',
    'ping-50',
    '--contender',
    ...contenders,
    '--rounds',
    '1',
    '--seconds',
    '0.2',
    '--output',
    folder,
  );
  const page = readFileSync(join(folder, 'RESULTS.md'), 'utf8');
  for (const title of ['overlapped, epoll', 'node:net']) {
    const [presence, figures] = rowsOf(page, title);
    assert.match(presence?.join() ?? '', /Node \d+/);
    assert.match(figures?.[2] ?? '', /^[\d,.]+$/, page);
  }
  // Where there is no compiler it is named instead.
  const [presence, figures] = rowsOf(page, 'C, epoll');
  assert.match(presence?.join() ?? '', figures === undefined ? /not measured: .*apt-get/ : /cc \d+/);
  assert.match(page, /^\| CPU per message, ping-pong of 64 bytes, 50 connections \| .*\(≤ 0\.70\)/m);
  assert(existsSync(join(folder, 'charts/ping-50.svg')));
});

test('a run of growth writes its page and its charts', { skip, timeout: TIMEOUT_MS }, async () => {
  const points = ['growth-connections-10', 'growth-bytes-1048576'];
  const short = ['--rounds', '1', '--seconds', '0.1', '--output', folder];
  await bench('--growth', '--scenario', ...points, '--contender', 'engine:epoll', 'net', ...short);
  const page = readFileSync(join(folder, 'GROWTH.md'), 'utf8');
  assert.match(page, /^\| overlapped, epoll \| [\d.,]+ \([\d.]+\) \|$/m);
  assert(existsSync(join(folder, 'charts/growth-connections-memory.svg')));
});

test('a contender that answers wrongly fails, and the report gives the reason', {
  skip,
  timeout: TIMEOUT_MS,
}, async () => {
  const program = `require("net").createServer(s=>s.on("data",d=>{d[9]^=1;s.write(d)})).listen(0,function(){console.log(this.address().port)})`;
  assert(!program.includes(' '));
  const wrong = `wrong=${process.execPath} -e ${program}`;
  const words = ['--scenario', 'ping-1', '--contender', wrong, '--rounds', '1', '--seconds', '0.1', '--output', folder];
  const { exitCode, stdout } = await new Child(RUN, words, { timeoutMs: TIMEOUT_MS }).ended;
  assert.equal(exitCode, 1);
  assert.match(stdout, /wrong failed: The load ended: Wrong byte: found \d+, wanted \d+/);
  assert.match(readFileSync(join(folder, 'RESULTS.md'), 'utf8'), /`wrong` failed: .*Wrong byte/);
});

test('an unknown contender or scenario is an error that lists the known ones', {
  skip,
  timeout: TIMEOUT_MS,
}, async () => {
  for (const option of ['--contender', '--scenario']) {
    const { exitCode, stderr } = await new Child(RUN, [option, 'nothing'], { timeoutMs: TIMEOUT_MS }).ended;
    assert.equal(exitCode, 1);
    assert.match(stderr, /^bench: Cannot choose .*: found nothing, wanted .*\w+, \w+/);
  }
});

test('two kinds of run at once are an error', { skip, timeout: TIMEOUT_MS }, async () => {
  const { exitCode, stderr } = await new Child(RUN, ['--tls', '--growth'], { timeoutMs: TIMEOUT_MS }).ended;
  assert.equal(exitCode, 1);
  assert.match(stderr, /^bench: Cannot measure: found --growth and --tls, wanted one of them/);
});
