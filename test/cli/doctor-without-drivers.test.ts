/** `overlapped doctor` on systems where no driver works: without koffi, without its binary, and on macOS. */

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Child, type ChildResult } from '../support/child.js';
import { ROOT } from '../support/packing.js';
import { BIN } from './process.js';

const folder = mkdtempSync(join(tmpdir(), 'overlapped-doctor-'));
after(() => rmSync(folder, { recursive: true }));

/** The command line with its own dependencies, but without koffi. */
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

function run(directory: string, ...parameters: string[]): Promise<ChildResult> {
  return new Child(join(directory, 'bin/overlapped.js'), parameters).ended;
}

function expectNoDriver({ exitCode, stdout, stderr }: ChildResult, reason: RegExp): void {
  assert.deepEqual({ exitCode, stderr }, { exitCode: 1, stderr: '' });
  const { auto, drivers, limits } = JSON.parse(stdout);
  assert.equal(auto, null);
  assert.equal(limits.node, process.version);
  assert.equal(drivers.length, 4);
  for (const driver of drivers) {
    assert.equal(driver.usable, false);
    assert.match(`${driver.reason}; ${driver.advice}`, reason);
  }
}

describe('doctor', () => {
  test('reports that koffi is not installed, and so do the other commands', async () => {
    const directory = installWithoutKoffi('without-koffi');
    expectNoDriver(await run(directory, 'doctor', '--json'), /^koffi is not installed; run npm install koffi$/);
    const text = await run(directory, 'doctor');
    assert.equal(text.exitCode, 1);
    assert.match(text.stdout, /^ {2}epoll +not usable: koffi is not installed; run npm install koffi$/m);
    assert.match(text.stdout, /^ {2}none +no driver works here$/m);
    const echo = await run(directory, 'echo', '--port', '0');
    assert.deepEqual([echo.exitCode, echo.stdout], [2, '']);
    assert.equal(echo.stderr, 'overlapped: koffi is not installed; run npm install koffi\n');
  });

  test("reports that koffi's binary is not installed", async () => {
    const directory = installWithoutKoffi('without-binary');
    cpSync(join(ROOT, 'node_modules/koffi'), join(directory, 'node_modules/koffi'), { recursive: true });
    const reason = /^koffi cannot be loaded: Cannot find the native Koffi module.*; install without --omit=optional/;
    expectNoDriver(await run(directory, 'doctor', '--json'), reason);
  });

  test('reports that no driver is for this system, as on macOS', async () => {
    const preload = join(folder, 'darwin.mjs');
    const koffi = import.meta.resolve('koffi');
    // koffi is loaded before, for the system that this is.
    const program = `import '${koffi}';\nObject.defineProperty(process, 'platform', { value: 'darwin' });\n`;
    writeFileSync(preload, program);
    const child = new Child(BIN, ['doctor', '--json'], { nodeOptions: ['--import', preload] });
    expectNoDriver(await child.ended, /needs (?:Linux|Windows).*, and this system is darwin; run on Linux or Windows/);
  });
});
