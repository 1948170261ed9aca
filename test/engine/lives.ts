/** A process lives as long as its servers and connections do, and shares its parts: tested in programs of their own. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProgram } from '../support/child.js';
import { system } from '../support/system.js';
import type { EngineSubject } from './subject.js';

const MODES = {
  shared: 'engines 1\ndone\n',
  server: 'done\nalive\n',
  unreferencedServer: 'done\n',
  referencedAgain: 'done\nalive\n',
  connection: 'done\nalive\n',
  unreferencedConnection: 'done\n',
  refused: 'ECONNREFUSED\ndone\n',
} as const;

/** Programs cannot be given a simulated network, and in Wine each takes seconds to start: pipes do not work there either. */
export function lives({ driver, network }: EngineSubject): void {
  const skip = (network !== undefined || system.patience > 1) && 'the programs are for a system where they are quick';
  for (const [mode, expected] of Object.entries(MODES)) {
    test(`a process with ${mode}`, { timeout: 60_000, skip }, async () => {
      const { stdout, stderr, exitCode } = await runProgram('engine-life', [driver, mode]);
      assert.deepEqual({ stdout, stderr, exitCode }, { stdout: expected, stderr: '', exitCode: 0 });
    });
  }
}
