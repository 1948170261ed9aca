/** A file of a Unix-domain socket that cannot be removed is a warning; and what Node's permission model changes. */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram } from '../support/child.js';
import { system } from '../support/system.js';

const flags = process.allowedNodeEnvironmentFlags;

/** Node's permission model with nothing that may be written: `--permission` since Node 22, `--allow-net` since Node 25. */
const RESTRICTED = [
  flags.has('--permission') ? '--permission' : '--experimental-permission',
  '--allow-addons',
  '--allow-fs-read=*',
  ...(flags.has('--allow-net') ? ['--allow-net'] : []),
];

test('without --allow-net there is no network', {
  skip: flags.has('--allow-net') ? false : 'this Node has no --allow-net',
}, async () => {
  const nodeOptions = RESTRICTED.filter((flag) => flag !== '--allow-net');
  for (const driver of ['auto', ...system.drivers]) {
    const { exitCode, stderr } = await runProgram('path-left', [driver, '/nowhere/socket'], { nodeOptions });
    assert.equal(exitCode, 1);
    assert.match(stderr, /ERR_ACCESS_DENIED: Node's permission model denies.*use --allow-net/);
  }
});

for (const driver of system.drivers) {
  test(`a path that cannot be removed is a warning with ${driver}`, { timeout: 60_000 }, async () => {
    const { stdout, stderr } = await runProgram('path-left', [driver, 'locked']);
    const { again, warnings, directory } = JSON.parse(stdout);
    rmSync(directory, { recursive: true, force: true });
    assert.deepEqual([again, warnings], ['EADDRINUSE', ['OverlappedPathWarning EACCES']]);
    assert.match(stderr, /cannot be removed.*unlink EACCES.*socket/);
  });

  test(`the path is removed with ${driver} even if Node may not write files`, {
    timeout: 60_000,
  }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'overlapped-'));
    const path = join(directory, 'socket');
    try {
      const { stdout, stderr } = await runProgram('path-left', [driver, path], { nodeOptions: RESTRICTED });
      assert.match(stdout, /listens/, stderr);
      assert.deepEqual(JSON.parse(stdout), { again: 'listens', warnings: [], directory });
      assert.equal(existsSync(path), false);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}
