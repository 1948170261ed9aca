/** Running a program to its end, for what contenders need before they can run. */

import { spawnSync } from 'node:child_process';

/** Compiling Asio takes the longest, or fetching Deno. */
const TIMEOUT_MS = 240_000;

export interface Outcome {
  readonly done: boolean;
  /** Its output, of which the first line says the most, or how it ended. */
  readonly output: string;
}

export function runTool(command: string, words: readonly string[]): Outcome {
  const { status, signal, stdout, stderr, error } = spawnSync(command, words, {
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  const end = error?.message ?? `ended with ${signal ?? status}`;
  return { done: status === 0, output: `${stdout ?? ''}${stderr ?? ''}`.trim() || (status === 0 ? '' : end) };
}

export const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';
