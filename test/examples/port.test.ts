/** The example: the seed's eleven steps, short enough to read at once, and it works. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Child } from '../support/child.js';
import { eventually, sha256, someBytes } from '../support/harness.js';
import { connectNode } from '../support/node-client.js';
import { system } from '../support/system.js';

const SOURCE = fileURLToPath(new URL('../../../examples/echo.ts', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../../examples/echo.js', import.meta.url));
const LINES_MAX = 80;
const STEPS = 11;

describe('examples/echo.ts', () => {
  const source = readFileSync(SOURCE, 'utf8');

  test(`has fewer than ${LINES_MAX} lines`, () => {
    assert.ok(source.trimEnd().split('\n').length < LINES_MAX);
  });

  test('names each of the eleven steps in a comment', () => {
    const comments = source.split('\n').filter((line) => line.includes('//'));
    for (let step = 1; step <= STEPS; step++) {
      assert.ok(
        comments.some((line) => new RegExp(`\\b${step}\\. [A-Z]`).test(line)),
        `step ${step}`,
      );
    }
  });

  for (const driver of [...system.drivers, 'auto']) {
    test(`echoes on ${driver}: many messages, large ones, half-closes and resets`, {
      timeout: 15_000 * system.patience,
    }, async () => {
      const child = new Child(PROGRAM, ['0', driver]);
      try {
        const [, host, port, used] = await child.says(/listening on ([\d.]+):(\d+) \((\w+)\)/);
        assert.equal(host, '0.0.0.0');
        assert.equal(used, driver === 'auto' ? used : driver);
        const rude = await connectNode(Number(port));
        rude.socket.write('garbage');
        await eventually(() => rude.bytes > 0, 'an echo');
        rude.socket.resetAndDestroy();
        const client = await connectNode(Number(port));
        for (let round = 1; round <= 50; round++) {
          client.socket.write('ping');
          await eventually(() => client.bytes === 4 * round, `echo ${round}`);
        }
        const large = someBytes(1_000_000);
        client.socket.end(large);
        await eventually(() => client.ended, 'the end');
        assert.equal(sha256(client.data.subarray(200)), sha256(large));
        assert.equal(child.stderr, '');
      } finally {
        child.kill();
        await child.ended;
      }
    });
  }
});
