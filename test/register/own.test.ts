/** Parts that `overlapped/register` leaves to Node, and parts that work on both together. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BY_IMPORT, BY_REQUIRE, succeeds, URL_OF_PRELOAD } from './preload.js';

const CASES = ['https', 'starttls', 'starttls-ends', 'http2', 'pipes', 'cluster', 'passed'];

describe('what stays of Node', { concurrency: 2 }, () => {
  for (const each of CASES) {
    test(each, async () => {
      await succeeds('registered-own', [each]);
    });
    test(`${each}, after its modules were loaded`, async () => {
      const before = ['https', 'http2', 'cluster'].flatMap((name) => ['--require', name]);
      await succeeds('registered-own', [each], { nodeOptions: [...before, ...BY_REQUIRE] });
    });
  }

  test('threads have the preload, unless they have options of their own', async () => {
    assert.equal(await succeeds('registered-own', ['threads']), '[true,true,false]\n');
    const env = { NODE_OPTIONS: `--import=${URL_OF_PRELOAD}` };
    assert.equal(await succeeds('registered-own', ['threads'], { env, nodeOptions: [] }), '[true,false,true]\n');
    assert.equal(await succeeds('registered-own', ['threads'], { env, nodeOptions: BY_IMPORT }), '[true,true,true]\n');
  });
});
