/** Chromium gets a page over https from the engine, and talks over `wss`: `npm run test:peers`. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ofServer } from '../support/certificates.js';
import { Child } from '../support/child.js';
import { eventually } from '../support/harness.js';
import { serveWeb } from './web-server.js';

/** The name by which Chromium knows a key. */
function keyHash(cert: string): string {
  const key = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}

/** Opens a page in a browser of its own, and ends that afterwards. */
async function visit(url: string, trusted: string | undefined, body: () => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'overlapped-chromium-'));
  const trust = trusted === undefined ? [] : [`--ignore-certificate-errors-spki-list=${trusted}`];
  const args = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
  // A group of its own: the browser has many processes.
  const child = spawn('chromium', [...args, ...trust, `--user-data-dir=${folder}`, '--remote-debugging-port=0', url], {
    stdio: 'ignore',
    detached: true,
  });
  try {
    await body();
  } finally {
    const ended = once(child, 'close');
    process.kill(-(child.pid as number), 'SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

test('Chromium gets a page over https, and a frame of wss comes back', async () => {
  const web = await serveWeb();
  const { server, paths, texts, protocols } = web;
  await visit(`https://127.0.0.1:${server.port}/`, keyHash(ofServer.cert), () =>
    eventually(() => texts.includes('heard hello'), 'the second frame'),
  );
  assert.deepEqual(texts.slice(0, 2), ['hello', 'heard hello']);
  assert.equal(paths[0], '/');
  assert(paths.includes('/socket'));
  assert.deepEqual(new Set(protocols), new Set(['TLSv1.3']));
  await server.close({ deadlineMs: 0 });
});

test("Chromium gets the same from Node's https under overlapped/register", async () => {
  const program = fileURLToPath(new URL('./https-app.js', import.meta.url));
  const child = new Child(program, [], {
    timeoutMs: 60_000,
    nodeOptions: ['--import', 'overlapped/register'],
    env: { KEY: ofServer.key, CERT: ofServer.cert },
  });
  try {
    const [, port] = await child.says(/port (\d+)/);
    await visit(`https://127.0.0.1:${port}/`, keyHash(ofServer.cert), async () => {
      await child.says(/text hello\ntext heard hello\n/);
    });
  } finally {
    child.kill();
    await child.ended;
  }
});

test('Chromium refuses a certificate that it does not trust', async () => {
  const { server, paths } = await serveWeb();
  await visit(`https://127.0.0.1:${server.port}/`, undefined, () =>
    eventually(() => server.statistics().tls.failed > 0, 'the refusal'),
  );
  assert.deepEqual(paths, []);
  assert.match(
    Object.keys(server.statistics().tls.failedByCode).join(),
    /CERTIFICATE_UNKNOWN|UNKNOWN_CA|BAD_CERTIFICATE/,
  );
  await server.close({ deadlineMs: 0 });
});
