/**
 * Systems where no driver of the system works: without koffi, without its binary, where Node's permission model forbids
 * native code, and on macOS. Programs run on the driver `node`, and `overlapped doctor` says why.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Child, type ChildOptions, type ChildResult } from '../support/child.js';
import { eventually } from '../support/harness.js';
import { connectNode } from '../support/node-client.js';
import { ROOT } from '../support/packing.js';

/** More than a receive buffer holds. */
const BYTES = randomBytes(30_000);

const folder = mkdtempSync(join(tmpdir(), 'overlapped-alone-'));
after(() => rmSync(folder, { recursive: true }));

/** The installed package with its own dependencies, but without koffi. */
function installWithoutKoffi(name: string): string {
  const directory = join(folder, name);
  for (const part of ['bin', 'dist/lib', 'package.json']) {
    cpSync(join(ROOT, part), join(directory, part), { recursive: true });
  }
  mkdirSync(join(directory, 'node_modules'));
  for (const dependency of ['commander', 'cli-table3', 'cli-progress']) {
    symlinkSync(join(ROOT, 'node_modules', dependency), join(directory, 'node_modules', dependency), 'dir');
  }
  return directory;
}

function run(directory: string, parameters: readonly string[], options: ChildOptions = {}): Promise<ChildResult> {
  return new Child(join(directory, 'bin/overlapped.js'), parameters, options).ended;
}

/** `doctor` takes `node`, and says of the others why they do not work. */
function expectOnlyNode({ exitCode, stdout, stderr }: ChildResult, reason: RegExp): void {
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  const { auto, drivers, register, limits } = JSON.parse(stdout);
  assert.equal(auto, 'node');
  assert.equal(register.driver, null);
  assert.equal(limits.node, process.version);
  assert.equal(drivers.length, 5);
  for (const driver of drivers) {
    assert.equal(driver.usable, driver.name === 'node');
    if (driver.name !== 'node') {
      assert.match(`${driver.reason}; ${driver.advice}`, reason);
    }
  }
}

/** `overlapped echo`, which `npm start` runs, serves on `node`, and says why. */
async function expectEcho(directory: string, reason: RegExp, options: ChildOptions = {}): Promise<void> {
  const child = new Child(
    join(directory, 'bin/overlapped.js'),
    ['echo', '--host', '127.0.0.1', '--port', '0'],
    options,
  );
  try {
    const [, port] = await child.says(/listening on 127\.0\.0\.1:(\d+) \(node\)\n/);
    await expectAnswer(Number(port));
    assert.match(child.stdout, reason);
  } finally {
    child.process.kill();
    await child.ended;
  }
}

async function expectAnswer(port: number): Promise<void> {
  const client = await connectNode(port);
  client.socket.write(BYTES);
  await eventually(() => client.bytes === BYTES.length, 'the echo');
  assert.deepEqual(client.data, BYTES);
  client.socket.destroy();
}

describe('without koffi', () => {
  const directory = installWithoutKoffi('without-koffi');

  test('doctor says so', async () => {
    const reason = /^(?:koffi is not installed; run npm install koffi$|\w+ needs )/;
    expectOnlyNode(await run(directory, ['doctor', '--json']), reason);
    const text = await run(directory, ['doctor']);
    assert.equal(text.exitCode, 0);
    assert.match(text.stdout, /^ {2}epoll +not usable: koffi is not installed; run npm install koffi$/m);
    assert.match(text.stdout, /^Taken by auto\n {2}node$/m);
    assert.match(text.stdout, /^ {2}stays Node's own +no driver of the system works here$/m);
  });

  test('npm start serves, and says why it does so on node', () => expectEcho(directory, /koffi is not installed/));

  test('threads end without a system whose sockets they could leave open', async () => {
    const parameters = ['echo', '--host', '127.0.0.1', '--port', '0', '--threads', '2'];
    const child = new Child(join(directory, 'bin/overlapped.js'), parameters, { nodeOptions: ['--no-warnings'] });
    const [, port] = await child.says(/listening on 127\.0\.0\.1:(\d+) \(node\)\n/);
    await expectAnswer(Number(port));
    child.process.kill('SIGTERM');
    const { exitCode, stderr } = await child.ended;
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  });

  test('a driver of the system is a clear error', async () => {
    const { exitCode, stdout, stderr } = await run(directory, ['echo', '--port', '0', '--driver', 'epoll']);
    assert.deepEqual([exitCode, stdout], [2, '']);
    assert.match(stderr, /^overlapped: .*koffi is not installed; run npm install koffi.*\n$/);
  });

  test('the first program of the README serves', async () => {
    const [, program = ''] = /```ts\n(.*?)```/s.exec(readFileSync(join(ROOT, 'README.md'), 'utf8')) ?? [];
    const script = join(directory, 'readme.mjs');
    const index = pathToFileURL(join(directory, 'dist/lib/index.js')).href;
    writeFileSync(script, program.replace("'overlapped'", `'${index}'`).replace('port: 4567', 'port: 0'));
    const child = new Child(script, []);
    try {
      const [, port] = await child.says(/echo on 127\.0\.0\.1:(\d+) \(node\)\n/);
      await expectAnswer(Number(port));
    } finally {
      child.process.kill();
      await child.ended;
    }
  });
});

test("without koffi's binary, doctor says so", async () => {
  const directory = installWithoutKoffi('without-binary');
  cpSync(join(ROOT, 'node_modules/koffi'), join(directory, 'node_modules/koffi'), { recursive: true });
  const reason =
    /^(?:koffi cannot be loaded: Cannot find the native Koffi module.*; install without --omit=optional|\w+ needs )/;
  expectOnlyNode(await run(directory, ['doctor', '--json']), reason);
});

describe('as on macOS', () => {
  const preload = join(folder, 'darwin.mjs');
  // Node's own modules and the tests' are for the system that this is.
  writeFileSync(preload, "Object.defineProperty(process, 'platform', { value: 'darwin' });\n");
  const options = { nodeOptions: ['--import', pathToFileURL(preload).href] };

  test('doctor says that the drivers are for other systems', async () => {
    const reason = /needs (?:Linux|Windows|Linux or Windows), and this system is darwin; use node or auto$/;
    expectOnlyNode(await run(ROOT, ['doctor', '--json'], options), reason);
  });

  test('npm start serves', () => expectEcho(ROOT, /\(node\)/, options));
});
