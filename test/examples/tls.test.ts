/** The examples of TLS: each runs as its reader would run it. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:https';
import { after, describe, test } from 'node:test';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { authority, type Identity, ofClient, ofOthers, ofServer, unknown } from '../support/certificates.js';
import { Child } from '../support/child.js';
import { SYSTEM_DRIVERS } from '../support/drivers.js';
import { file } from '../tls/programs.js';

const TIMEOUT_MS = 60_000;
const children = new Set<Child>();
after(() => children.forEach((child) => child.kill()));

function start(name: string, ...parameters: string[]): Child {
  const program = fileURLToPath(new URL(`../../examples/${name}.js`, import.meta.url));
  const child = new Child(program, parameters, { timeoutMs: TIMEOUT_MS });
  children.add(child);
  return child;
}

async function portOf(child: Child): Promise<string> {
  return (await child.says(/listening on 127\.0\.0\.1:(\d+)\n/))[1] as string;
}

async function stop(child: Child): Promise<void> {
  child.process.kill('SIGTERM');
  const { exitCode, stderr } = await child.ended;
  assert.deepEqual([exitCode, stderr], [0, '']);
}

/** The files of an identity, which a later call replaces. */
const filesOf = ({ key, cert }: Identity, name: string): readonly [string, string] => [
  file(`${name}.key`, key),
  file(`${name}.pem`, cert),
];

const ca = file('ca.pem', authority.cert);

/** Says a word to the echo. @returns the name in its certificate */
async function echoed(port: string): Promise<string> {
  const options = { servername: 'localhost', ca: authority.cert, checkServerIdentity: () => undefined };
  const socket = tls.connect({ port: Number(port), host: '127.0.0.1', ...options });
  await once(socket, 'secureConnect');
  socket.write('hello');
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  assert.equal(String(chunk), 'hello');
  const { subject } = socket.getPeerCertificate();
  socket.end();
  await once(socket, 'close');
  return String(subject.CN);
}

describe('examples/tls-echo.ts', () => {
  for (const driver of SYSTEM_DRIVERS) {
    test(`echoes on ${driver}, and renews its certificate`, async () => {
      const child = start('tls-echo', ...filesOf(ofServer, driver), '0', driver);
      const port = await portOf(child);
      assert.equal(await echoed(port), 'localhost');
      await child.says(/TLSv1\.3 TLS_AES_256_GCM_SHA384 new\n/);
      filesOf(ofOthers, driver);
      child.process.kill('SIGHUP');
      await child.says(/^renewed\n/m);
      assert.equal(await echoed(port), 'other.example');
      file(`${driver}.key`, 'no key');
      child.process.kill('SIGHUP');
      await child.says(/not renewed: /);
      assert.equal(await echoed(port), 'other.example');
      await stop(child);
    });
  }
});

describe('examples/https.ts', () => {
  test("answers Node's https", async () => {
    const child = start('https', ...filesOf(ofServer, 'https'), '0');
    const port = await portOf(child);
    const request = get({ host: '127.0.0.1', port, path: '/x', ca: authority.cert, agent: false });
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
    let text = '';
    for await (const chunk of response) {
      text += String(chunk);
    }
    assert.equal(text, 'GET /x\n');
    await stop(child);
  });
});

describe('examples/mutual-tls.ts', () => {
  test('serves the clients of its authority only', async () => {
    const server = start('mutual-tls', 'server', ...filesOf(ofServer, 'server'), ca, '0');
    const port = await portOf(server);
    const known = start('mutual-tls', 'client', ...filesOf(ofClient, 'client'), ca, port);
    const { stdout } = await known.ended;
    assert.equal(stdout, 'localhost: hello A client\n');
    const stranger = start('mutual-tls', 'client', ...filesOf(unknown, 'unknown'), ca, port);
    assert.match((await stranger.ended).stdout, /^refused: \w+/);
    server.process.kill('SIGTERM');
    assert.match((await server.ended).stdout, /\{"DEPTH_ZERO_SELF_SIGNED_CERT":1\}/);
  });
});
