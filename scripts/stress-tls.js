/**
 * Gives servers over TLS bad input for long: `npm run stress:tls -- --server node-tls`. Every byte of a session is changed
 * in each way, 10,000 handshakes stop half-way, and 200 MB pass in random pieces.
 */

import { join } from 'node:path';
import { Command } from 'commander';
import { ROOT, run } from './tools.js';

const { server } = new Command('stress:tls')
  .description('Gives a server over TLS bad input, and checks that nothing is left of it')
  .option('--server <name>', 'the name of a test file in test/bad-input', 'node-tls')
  .parse()
  .opts();

const prepared = run(process.execPath, [join(ROOT, 'scripts/prepare.js')]);
if (prepared.exitCode !== 0) {
  process.exit(prepared.exitCode);
}
process.env.OVERLAPPED_BAD_INPUT = 'long';
process.exit(run(process.execPath, [join(ROOT, 'dist/test/bad-input', `${server}.test.js`)]).exitCode);
