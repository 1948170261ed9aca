/** Copies of the sources, npm, and programs, for tests of the package as its users get it. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** In the checkout, and in no clone of it. */
const NOT_CLONED: ReadonlySet<string> = new Set(['.git', '.cache', 'dist', 'node_modules']);

/** The outer npm's own settings would be this one's too: of these only where packages come from is wanted. */
const NPM_SETTINGS = /^npm_(?!config_(?:registry|cache|userconfig|globalconfig)$)/i;

/** Copies the sources to a directory, as a clone has them. */
export function cloneSources(directory: string): void {
  cpSync(ROOT, directory, { recursive: true, filter: (path) => !NOT_CLONED.has(relative(ROOT, path)) });
}

function environment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !NPM_SETTINGS.test(name)));
}

/** Runs a program in a directory to its end; returns its output, and fails with it unless the exit code is 0. */
export function runIn(directory: string, command: string, args: readonly string[], timeoutMs = 60_000): string {
  const { status, stdout, stderr } = runAnyIn(directory, command, args, timeoutMs);
  assert.equal(status, 0, `${basename(command)} ${args.join(' ')}\n${stdout}\n${stderr}`);
  return stdout;
}

/** The same, whatever the exit code is. */
export function runAnyIn(directory: string, command: string, args: readonly string[], timeoutMs = 60_000) {
  const options = { cwd: directory, env: environment(), encoding: 'utf8', timeout: timeoutMs } as const;
  const { status, error, stdout, stderr } = spawnSync(command, args, options);
  return { status, stdout, stderr: `${stderr}${error ?? ''}` };
}

/** Runs npm: the one that runs the tests, or else the one on the path. */
export function npmIn(directory: string, args: readonly string[], timeoutMs?: number): string {
  const quietly = [...args, '--no-audit', '--no-fund', '--no-update-notifier', '--prefer-offline', '--loglevel=error'];
  const caller = process.env.npm_execpath;
  return caller !== undefined && basename(caller) === 'npm-cli.js'
    ? runIn(directory, process.execPath, [caller, ...quietly], timeoutMs)
    : runIn(directory, 'npm', quietly, timeoutMs);
}

/** The files below a directory, as paths from it. */
export function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}
