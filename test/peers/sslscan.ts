/** sslscan finds in a server of ours what it finds in one of node:tls: `npm run test:peers`. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import tls from 'node:tls';
import { listen } from 'overlapped';
import { ofServer } from '../support/certificates.js';
import { close, listening } from '../support/net-servers.js';
import { run } from '../tls/programs.js';

/** The report of sslscan on a server, without the port. */
async function scanned(port: number | undefined): Promise<string> {
  const output = await run('sslscan', ['--no-colour', '--show-sigs', `127.0.0.1:${port}`], '');
  return output.replaceAll(`port ${port}`, 'port');
}

test('sslscan finds in our server what it finds in one of node:tls', async () => {
  const server = await listen({ host: '127.0.0.1', port: 0, tls: ofServer, data: () => undefined });
  const node = tls.createServer(ofServer, (socket) => socket.on('error', () => undefined).resume());
  node.on('tlsClientError', (_, socket) => socket.destroy());
  try {
    const [ours, stock] = [await scanned(server.port), await scanned(await listening(node))];
    assert.match(ours, /TLSv1\.3\s+enabled/);
    assert.match(ours, /TLSv1\.1\s+disabled/);
    assert.match(ours, /Session renegotiation not supported/);
    assert.equal(ours, stock);
  } finally {
    await server.close({ deadlineMs: 0 });
    await close(node);
  }
});
