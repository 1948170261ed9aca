/** How `overlapped/register` is switched off and seen, and what it does where no driver runs. */

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { probeDrivers } from 'overlapped/port';
import { BIN } from '../cli/process.js';
import { Child, type ChildResult } from '../support/child.js';
import { USABLE_DRIVERS } from '../support/drivers.js';
import { ROOT } from '../support/packing.js';
import { BY_IMPORT, BY_REQUIRE, start, succeeds } from './preload.js';

const [best] = USABLE_DRIVERS;
const folder = mkdtempSync(join(tmpdir(), 'overlapped-register-'));
after(() => rmSync(folder, { recursive: true }));

/** A program that runs on Node's own sockets, with one warning. */
function expectOwn({ exitCode, stdout, stderr }: ChildResult, reason: RegExp): void {
  assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: 'done\n' }, stderr);
  const warnings = stderr.split('\n').filter((line) => /OverlappedNetWarning/.test(line));
  assert.equal(warnings.length, 1, stderr);
  assert.match(warnings[0] as string, /OverlappedNetWarning: overlapped\/net uses node:net, as no driver runs: /);
  assert.match(warnings[0] as string, reason);
}

describe('the switch of a preload', { concurrency: 2 }, () => {
  for (const [name, way] of Object.entries({ import: BY_IMPORT, require: BY_REQUIRE })) {
    test(`OVERLAPPED=off leaves everything to Node, with --${name}`, async () => {
      await succeeds('registered', ['http', 'own'], { nodeOptions: way, env: { OVERLAPPED: 'off' } });
    });
  }

  test('a driver that does not exist leaves everything to Node', async () => {
    const env = { OVERLAPPED_DRIVER: 'fast' };
    expectOwn(await start('registered', ['http', 'own'], { env }), /there is no driver fast$/);
  });

  test('a driver that does not run here leaves everything to Node', async () => {
    const foreign = probeDrivers().find(({ probe }) => !probe.usable);
    assert(foreign !== undefined);
    const env = { OVERLAPPED_DRIVER: foreign.name };
    expectOwn(await start('registered', ['http', 'own'], { env }), new RegExp(`: ${foreign.name}: `));
  });

  test('the driver node leaves everything to Node', async () => {
    const env = { OVERLAPPED_DRIVER: 'node' };
    expectOwn(await start('registered', ['http', 'own'], { env }), /the driver node is Node's own net$/);
  });

  test('a system without drivers leaves everything to Node', async () => {
    const preload = join(folder, 'darwin.mjs');
    // koffi is loaded before, for the system that this is.
    const program = `import '${import.meta.resolve('koffi')}';\nObject.defineProperty(process, 'platform', { value: 'darwin' });\n`;
    writeFileSync(preload, program);
    const nodeOptions = ['--import', pathToFileURL(preload).href, ...BY_IMPORT];
    expectOwn(await start('registered', ['http', 'own'], { nodeOptions }), /this system is darwin/);
  });

  test('without koffi a program runs on Node, and its threads do not repeat the warning', async () => {
    const copy = join(folder, 'copy');
    mkdirSync(copy);
    cpSync(join(ROOT, 'dist/lib'), join(copy, 'dist/lib'), { recursive: true });
    cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
    const code = `
      const { Worker } = require('worker_threads');
      const server = require('http').createServer((request, response) => response.end('hello')).listen(0, async () => {
        console.log(await (await fetch('http://127.0.0.1:' + server.address().port)).text());
        server.close();
        server.closeAllConnections();
        new Worker('console.log("thread")', { eval: true });
      });`;
    const nodeOptions = ['--import', pathToFileURL(join(copy, 'dist/lib/register.js')).href];
    const { exitCode, stdout, stderr } = await new Child('-e', [code], { nodeOptions }).ended;
    assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: 'hello\nthread\n' }, stderr);
    assert.equal(stderr.match(/OverlappedNetWarning/g)?.length, 1);
    assert.match(stderr, /no driver runs: koffi is not installed; run npm install koffi/);
  });

  test('NODE_DEBUG=overlapped prints what happened, once', async () => {
    const said = async (env: NodeJS.ProcessEnv, way = BY_IMPORT): Promise<string[]> => {
      const options = { nodeOptions: way, env: { NODE_DEBUG: 'overlapped', ...env } };
      const { stderr } = await new Child('-e', [''], options).ended;
      return [...stderr.matchAll(/^OVERLAPPED \d+: (.*)$/gm)].map(([, line = '']) => line);
    };
    const [line, ...more] = await said({});
    assert.match(
      line ?? '',
      new RegExp(`^node:net runs on ${best}; moved: net .*http, tls, https.*; Node's own: http2`),
    );
    assert.deepEqual(more, []);
    assert.match((await said({}, ['--require', 'http2', ...BY_REQUIRE]))[0] ?? '', /; loaded before: http2$/);
    assert.deepEqual(await said({ OVERLAPPED: 'off' }), ["node:net is Node's own: OVERLAPPED=off"]);
    assert.match((await said({ OVERLAPPED_DRIVER: 'fast' }))[0] ?? '', /^node:net is Node's own, .*no driver fast$/);
  });
});

describe('doctor', { concurrency: 2 }, () => {
  const doctor = async (env: NodeJS.ProcessEnv): Promise<ChildResult> => new Child(BIN, ['doctor'], { env }).ended;

  test('says what a preload would do', async () => {
    const { stdout } = await doctor({});
    assert.match(stdout, new RegExp(`^overlapped/register\n {2}driver +${best}\n {2}moves +net .*http`, 'm'));
    assert.match(stdout, /^ {2}stays Node's own +http2: /m);
  });

  test('says why a preload would do nothing', async () => {
    assert.match((await doctor({ OVERLAPPED: 'off' })).stdout, /^ {2}stays Node's own +OVERLAPPED=off$/m);
    const fast = await doctor({ OVERLAPPED_DRIVER: 'fast' });
    assert.match(fast.stdout, /^ {2}stays Node's own +OVERLAPPED_DRIVER=fast: there is no such driver$/m);
    const { register } = JSON.parse((await new Child(BIN, ['doctor', '--json']).ended).stdout);
    assert.equal(register.driver, best);
  });
});
