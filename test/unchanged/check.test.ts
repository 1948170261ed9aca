/** The checks of unchanged programs find what a preload changes. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type Check, runCheck } from './check.js';
import type { Setup } from './stage.js';
import type { Tool } from './tools.js';

const folder = mkdtempSync(join(tmpdir(), 'overlapped-check-'));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'preload.cjs'), "process.env.PRELOADED = 'yes';");
writeFileSync(join(folder, 'client.cjs'), 'console.log(JSON.stringify({ answered: process.env.PRELOADED ? 1 : 2 }));');
writeFileSync(
  join(folder, 'server.cjs'),
  `require('node:http').createServer((_, response) => response.end(process.env.PRELOADED ?? 'no'))
    .listen(0, '127.0.0.1', function () { console.log('listening on ' + this.address().port); });`,
);
const setup: Setup = { programs: folder, nodeOptions: `--require=${JSON.stringify(join(folder, 'preload.cjs'))}` };
const client: Check = { name: 'client', level: 'quick', run: (stage) => stage.run('client.cjs') };

describe('checks of unchanged programs', () => {
  test('equal facts pass, and figures are not compared', async () => {
    let figure = 0;
    const check: Check = {
      ...client,
      run: async (stage) => {
        stage.figures.set('rate', ++figure);
        return { same: true };
      },
    };
    const { verdict, runs } = await runCheck(check, setup, ['stock', 'preload']);
    assert.equal(verdict, 'passed');
    assert.deepEqual(
      runs.map(({ figures }) => figures.get('rate')),
      [1, 2],
    );
  });

  test('a fact that differs fails', async () => {
    const { verdict, reasons } = await runCheck(client, setup, ['stock', 'preload']);
    assert.equal(verdict, 'failed');
    assert.deepEqual(reasons, ['preload: answered is 1, on stock Node 2']);
  });

  test('the preload is on one side only if a check is mixed', async () => {
    const run: Check['run'] = async (stage) => {
      const { url } = await stage.serve('server.cjs');
      const server = await (await fetch(url)).text();
      return { server, ...(await stage.run('client.cjs')) };
    };
    const { runs } = await runCheck({ ...client, isMixed: true, run }, setup, [
      'stock',
      'preload',
      'servers',
      'clients',
    ]);
    assert.deepEqual(
      runs.map(({ facts }) => facts),
      [
        { server: 'no', answered: 2 },
        { server: 'yes', answered: 1 },
        { server: 'yes', answered: 2 },
        { server: 'no', answered: 1 },
      ],
    );
    const alone = await runCheck({ ...client, run }, setup, ['stock', 'clients']);
    assert.equal(alone.runs.length, 1);
  });

  test('a check that throws or takes too long fails, and its processes end', async () => {
    let pid: number | undefined;
    const stuck: Check = {
      ...client,
      timeoutMs: 5000,
      run: async (stage) => {
        const { running } = await stage.serve('server.cjs');
        pid = running.process.pid;
        return new Promise(() => undefined);
      },
    };
    const { verdict, reasons } = await runCheck(stuck, setup, ['stock']);
    assert.equal(verdict, 'failed');
    assert.deepEqual(reasons, ['stock: took longer than 5 s']);
    assert.throws(() => process.kill(pid as number, 0), { code: 'ESRCH' });
    const broken = await runCheck({ ...client, run: (stage) => stage.run('missing.cjs') }, setup, ['stock']);
    assert.match(broken.reasons.join(), /Cannot find module/);
  });

  test('a check without its tools is skipped', async () => {
    const { verdict, reasons } = await runCheck({ ...client, tools: ['no such tool' as Tool] }, setup, ['stock']);
    assert.equal(verdict, 'skipped');
    assert.deepEqual(reasons, ['not installed: no such tool']);
  });
});
