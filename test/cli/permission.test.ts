/** Node's permission model and frozen intrinsics: programs run, or end in a clear error. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BY_IMPORT, start, succeeds } from '../register/preload.js';
import { Child, type ChildResult } from '../support/child.js';
import { eventually } from '../support/harness.js';
import { connectNode } from '../support/node-client.js';
import { BIN } from './process.js';

const TIMEOUT = { timeout: 60_000 };
const flags = process.allowedNodeEnvironmentFlags;
const PERMISSION = flags.has('--permission') ? '--permission' : '--experimental-permission';
const NET = flags.has('--allow-net') ? ['--allow-net'] : [];
const ADDONS = flags.has('--allow-addons') ? ['--allow-addons'] : [];

interface Report {
  readonly auto: string | null;
  readonly drivers: readonly { readonly name: string; readonly usable: boolean; readonly reason?: string }[];
}

function doctor(...nodeOptions: readonly string[]): Promise<ChildResult> {
  return new Child(BIN, ['doctor', '--json'], { nodeOptions: ['--no-warnings', ...nodeOptions] }).ended;
}

async function report(...nodeOptions: readonly string[]): Promise<Report> {
  const { exitCode, stdout, stderr } = await doctor(...nodeOptions);
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  return JSON.parse(stdout);
}

describe("Node's permission model", { concurrency: 2 }, () => {
  const noAddons = { skip: ADDONS.length === 0 && 'this Node allows addons always' };

  test('without addons, auto takes node and says why', { ...TIMEOUT, ...noAddons }, async () => {
    const { auto, drivers } = await report(PERMISSION, '--allow-fs-read=*', ...NET);
    assert.equal(auto, 'node');
    const refused = drivers.filter(({ name }) => ['io_uring', 'epoll', 'select'].includes(name));
    for (const { usable, reason } of refused) {
      assert.deepEqual([usable, reason], [false, "Node's permission model allows no native code"]);
    }
  });

  test('without addons, a server answers', { ...TIMEOUT, ...noAddons }, async () => {
    const nodeOptions = ['--no-warnings', PERMISSION, '--allow-fs-read=*', ...NET];
    const child = new Child(BIN, ['echo', '--host', '127.0.0.1', '--port', '0'], { nodeOptions });
    try {
      const [, port] = await child.says(/listening on 127\.0\.0\.1:(\d+) \(node\)\n/);
      const client = await connectNode(Number(port));
      client.socket.write('ping');
      await eventually(() => client.bytes === 4, 'the echo');
      client.socket.destroy();
    } finally {
      child.process.kill();
      await child.ended;
    }
  });

  test('with addons, a driver of the system works', TIMEOUT, async () => {
    const { auto } = await report(PERMISSION, '--allow-fs-read=*', ...ADDONS, ...NET);
    assert.notEqual(auto, 'node');
  });

  test('without addons, a preload leaves everything to Node', { ...TIMEOUT, ...noAddons }, async () => {
    const nodeOptions = [PERMISSION, '--allow-fs-read=*', ...NET, ...BY_IMPORT];
    const { exitCode, stdout, stderr } = await start('registered', ['http', 'own'], { nodeOptions });
    assert.deepEqual([exitCode, stdout], [0, 'done\n'], stderr);
    assert.match(stderr, /OverlappedNetWarning: .*permission model allows no native code; use --allow-addons/);
  });

  test('with addons, a preload moves the sockets of a program', TIMEOUT, async () => {
    const permissions = [PERMISSION, '--allow-fs-read=*', ...ADDONS, ...NET];
    await succeeds('registered', ['http'], { nodeOptions: ['--no-warnings', ...permissions, ...BY_IMPORT] });
  });

  test('without the network, no driver is opened', {
    ...TIMEOUT,
    skip: NET.length === 0 && 'this Node allows it always',
  }, async () => {
    const { exitCode, stdout } = await doctor(PERMISSION, '--allow-fs-read=*', ...ADDONS);
    assert.equal(exitCode, 1);
    const { auto, drivers } = JSON.parse(stdout) as Report;
    assert.equal(auto, null);
    assert.match(drivers.find(({ name }) => name === 'node')?.reason ?? '', /ERR_ACCESS_DENIED.*--allow-net/);
  });
});

test('frozen intrinsics change nothing', TIMEOUT, async () => {
  const { auto } = await report('--frozen-intrinsics');
  assert.equal(auto, (await report()).auto);
  const nodeOptions = ['--no-warnings', '--frozen-intrinsics', ...BY_IMPORT];
  await succeeds('registered', ['http'], { nodeOptions });
});
