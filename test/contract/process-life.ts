/** A started port and its process: whether it goes on while the port waits. */

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { runProgram } from '../support/child.js';
import { bounded, type Subject } from './subject.js';

const LIVES = [
  ['ref', true],
  ['unref', false],
  ['unref ref', true],
  ['ref unref', false],
  ['close', false],
  ['stop', false],
] as const;

export function processLife(subject: Subject): void {
  // Each mostly waits.
  describe('the life of a process', { concurrency: 3 }, () => {
    for (const [how, lives] of LIVES) {
      bounded(`a started port ${lives ? 'keeps' : 'does not keep'} its process alive after: ${how}`, async () => {
        const result = await runProgram('loop-ref', [subject.programOptions, how, String(lives)]);
        assert.deepEqual([result.exitCode, result.stdout.trim(), result.stderr], [0, lives ? 'alive' : 'ended', '']);
      });
    }
  });
}
