/** The package as npm installs it from a git repository: npm fetches what the build needs, and `prepare` builds. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { cloneSources, filesIn, npmIn, runIn } from '../support/packing.js';

const TEST_TIMEOUT_MS = 240_000;
const GIT = spawnSync('git', ['--version']).status === 0;

function commit(repository: string): void {
  const git = (...args: string[]): string => runIn(repository, 'git', args);
  git('init', '--quiet');
  git('add', '--all');
  const author = ['-c', 'user.name=test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgsign=false'];
  git(...author, 'commit', '--quiet', '--message', 'all');
}

test('npm install from git gives a package that runs', {
  timeout: TEST_TIMEOUT_MS,
  skip: !GIT && 'git is not installed',
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'overlapped-git-'));
  const repository = join(folder, 'repository');
  const project = join(folder, 'project');
  try {
    cloneSources(repository);
    commit(repository);
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
    npmIn(project, ['install', `git+${pathToFileURL(repository)}`], TEST_TIMEOUT_MS);
    const files = filesIn(join(project, 'node_modules/overlapped'));
    assert(files.includes('dist/lib/index.js') && files.includes('dist/src/index.d.ts'));
    assert(!files.some((path) => path.startsWith('dist/test/') || path.startsWith('src/')));
    const program =
      "import { listen } from 'overlapped'; const server = await listen({ port: 0 }); await server.close();";
    runIn(project, process.execPath, ['--input-type=module', '--eval', program]);
    assert.match(runIn(project, join(project, 'node_modules/.bin/overlapped'), ['--version']), /^\d+\.\d+\.\d+\n$/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
