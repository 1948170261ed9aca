/** Every program in README and docs compiles as strict TypeScript and runs; its output is compared where the page shows one. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join, posix } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CLOSE_REASONS } from 'overlapped';
import { spawned } from '../support/child.js';
import { system } from '../support/system.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TEST_TIMEOUT_MS = 30_000 * system.patience;
const SLOW_STARTS = system.patience > 1 && 'programs take seconds to start here, so only those that call Windows run';
const WINDOWS = process.platform === 'win32';
const ELSEWHERE = !WINDOWS && 'it calls Windows, and runs there';

const PAGES = readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`);
const READMES = ['README.md', 'README.zh-CN.md'];

/** The settings of a user's strict project. The compiled program lies beside its source. */
const COMPILER_OPTIONS = {
  target: 'ES2023',
  lib: ['ES2023'],
  module: 'NodeNext',
  types: ['node'],
  strict: true,
  noImplicitReturns: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
  skipLibCheck: true,
};

/** Inside the package, so that `overlapped` is found as a user's program finds it. */
const folder = mkdtempSync(join(ROOT, 'dist', 'docs-'));
after(() => rmSync(folder, { recursive: true }));

const readmePort = await freePort();
for (const page of [...READMES, ...PAGES]) {
  for (const [index, program] of programs(page).entries()) {
    writeFileSync(join(folder, `${nameOf(page, index)}.mts`), program.replaceAll('4567', String(readmePort)));
  }
}

/** The native compiler is for Linux here; Windows' Node 22 removes the types by itself. */
test('the programs compile as strict TypeScript', {
  timeout: TEST_TIMEOUT_MS,
  skip: WINDOWS,
}, () => {
  assert.equal(compile(), '');
});

function compile(): string {
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: COMPILER_OPTIONS, include: ['*.mts'] }),
  );
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  return spawnSync(process.execPath, [tsc, '--project', folder], { encoding: 'utf8' }).stdout;
}

function programs(page: string): string[] {
  return [...textOf(page).matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
}

function textOf(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

function nameOf(page: string, index: number): string {
  return `${page.replace(/\W/g, '-')}-${index}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert(address !== null && typeof address === 'object');
  server.close();
  await once(server, 'close');
  return address.port;
}

function start(name: string) {
  const file = join(folder, `${name}.${WINDOWS ? 'mts' : 'mjs'}`);
  return spawned(() => spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] }));
}

for (const page of READMES) {
  test(`the first program of ${page} is an echo server`, { timeout: TEST_TIMEOUT_MS }, async () => {
    assert(programs(page).length > 0);
    const child = start(nameOf(page, 0));
    try {
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      assert.match(String(line), new RegExp(`^echo on 127\\.0\\.0\\.1:${readmePort} \\(\\w+\\)\n$`));
      const sent = Buffer.alloc(3_000_000, 'round trip ');
      const client = connect(readmePort, '127.0.0.1');
      client.end(sent);
      assert((await client.toArray().then((chunks) => Buffer.concat(chunks))).equals(sent));
    } finally {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
  });
}

for (const page of ['docs/closing.md', 'docs/troubleshooting.md']) {
  test(`${page} names each reason of a close`, () => {
    const text = textOf(page);
    assert.deepEqual(
      CLOSE_REASONS.filter((reason) => !text.includes(`\`${reason}\``)),
      [],
    );
  });
}

test('docs/troubleshooting.md names each error code', {
  skip: WINDOWS && 'it reads texts, which are the same on each system',
}, () => {
  const text = textOf('docs/troubleshooting.md');
  assert(errorCodes().includes('ERR_ALREADY_READ'));
  assert.deepEqual(
    errorCodes().filter((code) => !text.includes(`\`${code}\``)),
    [],
  );
});

test('the index in docs/README.md links to each page', () => {
  const linked = linksOf('docs/README.md').map((link) => posix.join('docs', link.replace(/#.*/, '')));
  assert.deepEqual(
    PAGES.filter((page) => page !== 'docs/README.md' && !linked.includes(page)),
    [],
  );
});

test('every link between pages leads to a file, and to a heading in it', () => {
  const broken = [
    ...READMES,
    ...PAGES,
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'bench/README.md',
    'bench/GROWTH.md',
    'bench/PROGRAMS.md',
    'bench/RESULTS.md',
    'bench/TLS.md',
  ].flatMap((page) =>
    linksOf(page)
      .filter((link) => !leadsSomewhere(page, link))
      .map((link) => `${page}: ${link}`),
  );
  assert.deepEqual(broken, []);
});

for (const page of PAGES) {
  for (const [index, program] of programs(page).entries()) {
    const callsWindows = program.includes("'overlapped/win32'");
    const skip =
      (callsWindows && ELSEWHERE) ||
      (program.includes("execFileSync('openssl'") && WINDOWS && 'Windows has no openssl command') ||
      (!callsWindows && SLOW_STARTS);
    test(`program ${index + 1} of ${page} runs`, { timeout: TEST_TIMEOUT_MS, skip }, async () => {
      const child = start(nameOf(page, index));
      const output: Buffer[] = [];
      const errors: Buffer[] = [];
      child.stdout.on('data', (data: Buffer) => output.push(data));
      child.stderr.on('data', (data: Buffer) => errors.push(data));
      const [code] = await once(child, 'close');
      assert.equal(Buffer.concat(errors).toString(), '', 'no warning');
      assert.equal(code, 0);
      const expected = /console\.log\(.*\); \/\/ (.*)$/m.exec(program)?.[1];
      if (expected !== undefined) {
        assert.equal(Buffer.concat(output).toString().trim(), expected);
      }
    });
  }
}

/** The codes beginning with ERR_ that the built sources give to errors: strings that nothing is compared with. */
function errorCodes(): string[] {
  const sources = readdirSync(join(ROOT, 'dist/src'), { recursive: true, encoding: 'utf8' });
  const texts = sources.filter((name) => name.endsWith('.js')).map((name) => textOf(join('dist/src', name)));
  const codes = texts.flatMap((text) => [...text.matchAll(/(?<!=== )'(ERR_[A-Z_]+)'/g)].map((match) => match[1] ?? ''));
  return [...new Set(codes)];
}

/** The targets of a page's links and images that are in this repository. */
function linksOf(page: string): string[] {
  const links = [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
  return links.filter((link) => !/^[a-z]+:/.test(link));
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', heading] = link.split('#');
  const target = path === '' ? page : posix.join(dirname(page), path);
  if (!existsSync(join(ROOT, target))) {
    return false;
  }
  return heading === undefined || anchorsOf(target).includes(heading);
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): string[] {
  const headings = [...textOf(page).matchAll(/^#+ (.*)$/gm)].map((match) => match[1] ?? '');
  return headings.map((text) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
}
