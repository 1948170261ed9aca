/** Parts that `overlapped/register` moves, on each driver, by `--import` and by `--require`. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { netEngine } from 'overlapped/net';
import { Child } from '../support/child.js';
import { SYSTEM_DRIVERS } from '../support/drivers.js';
import { BY_IMPORT, BY_REQUIRE, succeeds } from './preload.js';

const CASES = ['net', 'traced', 'http', 'limits', 'fetch'];

describe('what a preload moves', { concurrency: 2 }, () => {
  for (const name of SYSTEM_DRIVERS) {
    for (const each of CASES) {
      test(`${each} on ${name}`, async () => {
        await succeeds('registered', [each], { env: { OVERLAPPED_DRIVER: name } });
      });
    }
  }

  for (const each of CASES) {
    test(`${each}, with --require`, async () => {
      await succeeds('registered', [each], { nodeOptions: BY_REQUIRE });
    });
    test(`${each}, with --import after http was loaded`, async () => {
      await succeeds('registered', [each], { nodeOptions: ['--import', 'node:http', ...BY_IMPORT] });
    });
  }

  test('both ways at once, and twice', async () => {
    await succeeds('registered', ['http'], { nodeOptions: [...BY_REQUIRE, ...BY_IMPORT, ...BY_REQUIRE] });
  });

  test('a CommonJS program', async () => {
    const code = `
      const http = require('http');
      const server = http.createServer((request, response) => response.end('hello')).listen(0, async () => {
        const answer = await fetch('http://127.0.0.1:' + server.address().port);
        console.log(await answer.text(), Reflect.has(require('net'), Symbol.for('overlapped.register')), server._handle);
        server.close();
        server.closeAllConnections();
      });`;
    for (const way of [BY_IMPORT, BY_REQUIRE]) {
      const child = new Child('-e', [code], { nodeOptions: way });
      const { exitCode, stdout, stderr } = await child.ended;
      assert.deepEqual({ exitCode, stdout, stderr }, { exitCode: 0, stdout: 'hello true null\n', stderr: '' });
    }
  });

  test('this process is not moved', async () => {
    const { default: net } = await import('node:net');
    assert(!Reflect.has(net, Symbol.for('overlapped.register')));
    assert(SYSTEM_DRIVERS.some((name) => name === netEngine().driver));
  });
});
