/** WebSocket, socket.io, SSH, undici and Node's own clients: both sides are programs on Node. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Check } from '../check.js';
import type { Facts, Stage } from '../stage.js';

const SSH_TEST_TIMEOUT_MS = 60_000;

async function webSocket(stage: Stage, connections: number, deflate: 'on' | 'off'): Promise<Facts> {
  const { port } = await stage.serve('ws-server.js', [], { env: { DEFLATE: deflate } });
  const facts = await stage.run('ws-client.js', [`ws://127.0.0.1:${port}`, String(connections)]);
  assert.equal(facts.echoed, connections * 208);
  assert.equal(facts.closed, connections);
  return facts;
}

async function socketIo(stage: Stage): Promise<Facts> {
  const { url } = await stage.serve('socketio-server.js');
  return stage.run('socketio-client.js', [url]);
}

async function client(stage: Stage, program: string): Promise<Facts> {
  const { url } = await stage.serve('http-app.js');
  return stage.run(program, [url]);
}

/** The tests in ssh2's own package: each file is a process, and starts some. */
async function ssh2Tests(stage: Stage): Promise<Facts> {
  const folder = join(stage.programs, 'node_modules/ssh2/test');
  const names = readdirSync(folder).filter((name) => /^test-.*\.js$/.test(name));
  const failed = [];
  for (const name of names.sort()) {
    const ended = await stage.node([join(folder, name)], { cwd: folder, timeoutMs: SSH_TEST_TIMEOUT_MS });
    if (ended.exitCode !== 0) {
      failed.push(name);
    }
  }
  return { passed: names.length - failed.length, failed: failed.join() };
}

export const SOCKET_CHECKS: readonly Check[] = [
  { name: 'ws/20 clients', level: 'quick', isMixed: true, run: (stage) => webSocket(stage, 20, 'off') },
  { name: 'ws/20 clients, deflate', level: 'quick', isMixed: true, run: (stage) => webSocket(stage, 20, 'on') },
  { name: 'ws/500 clients', level: 'whole', isMixed: true, run: (stage) => webSocket(stage, 500, 'off') },
  { name: 'socket.io/three transports', level: 'quick', isMixed: true, run: socketIo },
  {
    name: 'undici/fetch, pool, streams',
    level: 'quick',
    isMixed: true,
    run: (stage) => client(stage, 'undici-client.js'),
  },
  { name: "node/fetch, http's agent", level: 'quick', isMixed: true, run: (stage) => client(stage, 'fetch-client.js') },
  { name: 'ssh2/command and tunnel', level: 'quick', run: (stage) => stage.run('ssh2-pair.js') },
  { name: 'ssh2/its own tests', level: 'whole', tools: ['ssh'], timeoutMs: 300_000, run: ssh2Tests },
];
