/** Every program in README and docs runs: it is taken out of its page, run, and its output compared where it says one. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CLOSE_REASONS } from 'overlapped';
import { system } from '../support/system.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TEST_TIMEOUT_MS = 30_000 * system.patience;
const SLOW_STARTS = system.patience > 1 && 'a program takes seconds to start here: the first one of each page must do';
const ELSEWHERE = process.platform !== 'win32' && 'it calls Windows, and runs there';

/** Inside the package, so that `overlapped` is found as a user's program finds it. */
const folder = mkdtempSync(join(ROOT, 'dist', 'docs-'));
after(() => rmSync(folder, { recursive: true }));

function programs(page: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
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

function start(name: string, program: string) {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, program);
  return spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
}

test('the first program of the README is an echo server', { timeout: TEST_TIMEOUT_MS }, async () => {
  const [program] = programs('README.md');
  assert(program !== undefined);
  const port = await freePort();
  const child = start('readme', program.replaceAll('4567', String(port)));
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    assert.match(String(line), new RegExp(`^echo on 127\\.0\\.0\\.1:${port} \\(\\w+\\)\n$`));
    const sent = Buffer.alloc(3_000_000, 'round trip ');
    const client = connect(port, '127.0.0.1');
    client.end(sent);
    assert((await client.toArray().then((chunks) => Buffer.concat(chunks))).equals(sent));
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
});

test('docs/engine.md names each reason of a close', () => {
  const text = readFileSync(join(ROOT, 'docs/engine.md'), 'utf8');
  assert.deepEqual(
    CLOSE_REASONS.filter((reason) => !text.includes(`\`${reason}\``)),
    [],
  );
});

for (const page of readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)) {
  for (const [index, program] of programs(page).entries()) {
    const skip = (program.includes("'overlapped/win32'") && ELSEWHERE) || (index > 0 && SLOW_STARTS);
    test(`program ${index + 1} of ${page} runs`, { timeout: TEST_TIMEOUT_MS, skip }, async () => {
      const child = start(`${page.replace(/\W/g, '-')}-${index}`, program);
      const output: Buffer[] = [];
      child.stdout.on('data', (data: Buffer) => output.push(data));
      const [code] = await once(child, 'close');
      assert.equal(code, 0);
      const expected = /console\.log\(.*\); \/\/ (.*)$/m.exec(program)?.[1];
      if (expected !== undefined) {
        assert.equal(Buffer.concat(output).toString().trim(), expected);
      }
    });
  }
}
