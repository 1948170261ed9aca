/** The echo server and the clients that people have: ncat, socat and OpenBSD's nc, half-close included. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { USABLE_DRIVERS } from '../support/drivers.js';
import { startEcho } from './process.js';

interface Tool {
  readonly name: string;
  readonly command: (port: number) => readonly string[];
  /** Whether the tool that is installed under this name is the one that is meant. */
  readonly usable: () => boolean;
}

function installed(name: string): boolean {
  return spawnSync(name, ['-h']).error === undefined;
}

const TOOLS: readonly Tool[] = [
  { name: 'ncat', command: (port) => ['ncat', '127.0.0.1', `${port}`], usable: () => installed('ncat') },
  {
    name: 'socat',
    // How long it waits for the other direction once one has ended.
    command: (port) => ['socat', '-t', '20', '-', `TCP:127.0.0.1:${port}`],
    usable: () => installed('socat'),
  },
  {
    name: 'nc -N',
    command: (port) => ['nc', '-N', '127.0.0.1', `${port}`],
    usable: () => installed('nc') && String(spawnSync('nc', ['-h']).stderr).includes('OpenBSD'),
  },
];

/** Feeds a tool with `data`; returns its output and its exit code. */
async function feed(
  command: readonly string[],
  data: Buffer,
): Promise<{ readonly output: Buffer; readonly code: number | null }> {
  const child = spawn(command[0] as string, command.slice(1), { stdio: ['pipe', 'pipe', 'ignore'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  try {
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stdin.on('error', () => undefined);
    child.stdin.end(data);
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    return { output: Buffer.concat(chunks), code };
  } finally {
    clearTimeout(timer);
  }
}

for (const driver of USABLE_DRIVERS) {
  describe(`echo on ${driver} and`, () => {
    for (const { name, command, usable } of TOOLS) {
      test(name, { skip: usable() ? false : `${name} is not installed` }, async () => {
        const echo = await startEcho(driver, '--quiet');
        for (const data of [Buffer.from('hello\n'), randomBytes(2_000_000)]) {
          const { output, code } = await feed(command(echo.port), data);
          assert.equal(code, 0);
          assert(output.equals(data), `${output.length} of ${data.length} bytes came back right`);
        }
        await echo.stop();
      });
    }
  });
}
