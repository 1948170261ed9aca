/**
 * Peers that are too large for every test run: Chromium, sslscan and testssl.sh talk to the engine's TLS. `npm run test:peers`, with
 * words of the files in test/peers.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fail, ROOT, run } from './tools.js';

/** The file of each peer, its command, and its Debian package. */
const PEERS = [
  { name: 'chromium', command: 'chromium', package: 'chromium' },
  { name: 'sslscan', command: 'sslscan', package: 'sslscan' },
  { name: 'testssl', command: 'testssl', package: 'testssl.sh' },
];

const words = process.argv.slice(2);
const chosen = PEERS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
if (chosen.length === 0) {
  fail(`No such peer: found ${words.join(' ')}, wanted ${PEERS.map(({ name }) => name).join(', ')}`);
}
const missing = chosen.filter(({ command }) => spawnSync('which', [command]).status !== 0);
if (missing.length > 0) {
  fail(`Missing programs: apt-get install --no-install-recommends ${missing.map((peer) => peer.package).join(' ')}`);
}
const prepared = run(process.execPath, [join(ROOT, 'scripts/prepare.js')]);
if (prepared.exitCode !== 0) {
  process.exit(prepared.exitCode);
}
const files = chosen.map(({ name }) => join(ROOT, 'dist/test/peers', `${name}.js`));
process.exit(run(process.execPath, ['--test', ...files]).exitCode);
