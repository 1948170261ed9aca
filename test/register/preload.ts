/** Programs that are started with `overlapped/register`. */

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { Child, type ChildResult, programPath } from '../support/child.js';

/** That of the bundle, which programs of tests load. */
export const URL_OF_PRELOAD = new URL('../../lib/register.js', import.meta.url).href;
export const BY_IMPORT = ['--import', URL_OF_PRELOAD];
export const BY_REQUIRE = ['--require', fileURLToPath(URL_OF_PRELOAD)];

export interface Start {
  readonly nodeOptions?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export function start(name: string, parameters: readonly string[], options: Start = {}): Promise<ChildResult> {
  const { nodeOptions = BY_IMPORT, env = {} } = options;
  return new Child(programPath(name), parameters, { nodeOptions, env }).ended;
}

/** Runs a program, and returns what it has printed before `done`. It must say nothing else. */
export async function succeeds(name: string, parameters: readonly string[], options: Start = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await start(name, parameters, options);
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' }, stdout);
  assert.match(stdout, /done\n$/);
  return stdout.replace(/done\n$/, '');
}
