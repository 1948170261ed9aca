/** testssl.sh finds in a server of ours what it finds in one of node:tls: `npm run test:peers`. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import { listen } from 'overlapped';
import { ofServer } from '../support/certificates.js';
import { close, listening } from '../support/net-servers.js';

const LEAST_FINDINGS = 50;

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

/** Findings that depend on the time of the scan. */
const OF_THE_MOMENT = /^(?:scanTime|TLS_timestamp|clock_skew|HTTP_clock_skew|cert_expirationStatus|cert_notAfter)/;

/** Each finding by its name. testssl.sh ends with the number of its complaints. */
async function scanned(port: number): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'overlapped-testssl-'));
  const file = join(folder, 'found.json');
  try {
    const args = ['--warnings', 'batch', '--quiet', '--color', '0', '--ip', '127.0.0.1', '--jsonfile', file];
    await new Promise((resolve) => {
      execFile('testssl', [...args, `localhost:${port}`], { maxBuffer: 2 ** 24 }, resolve);
    });
    const findings = JSON.parse(readFileSync(file, 'utf8')) as readonly Finding[];
    return Object.fromEntries(
      findings
        .filter(({ id }) => !OF_THE_MOMENT.test(id))
        .map(({ id, severity, finding }) => [id, `${severity}: ${finding.replaceAll(String(port), 'PORT')}`]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('testssl.sh finds no weakness that a server of node:tls has not', async () => {
  const server = await listen({
    host: '127.0.0.1',
    port: 0,
    tls: ofServer,
    data: (connection, chunk) => connection.write(chunk),
  });
  const node = tls.createServer(ofServer, (socket) => socket.on('error', () => undefined).pipe(socket));
  node.on('tlsClientError', (_, socket) => socket.destroy());
  const ports = [server.port as number, await listening(node)];
  const [ours = {}, stock] = await Promise.all(ports.map(scanned));
  assert(Object.keys(ours).length > LEAST_FINDINGS);
  // node:tls lets clients renegotiate a few times. Findings of INFO are no weakness, and some differ from scan to scan.
  const worse = Object.entries({ ...stock, ...ours }).filter(
    ([id, found]) => found !== stock?.[id] && !/^(?:OK|INFO): /.test(found),
  );
  assert.deepEqual(worse, []);
  await server.close({ deadlineMs: 0 });
  await close(node);
});
