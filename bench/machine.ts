/** The machine on which figures were measured, and the version that was measured. */

import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { CompletionPort } from 'overlapped/port';
import { runTool } from './contenders/tools.js';
import { ROOT } from './paths.js';
import type { Machine } from './results.js';

/** A server and a load, each on a processor of its own. */
export const PROCESSORS_MIN = 2;

export function machine(): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    processors: processors.length,
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
  };
}

/** The version of overlapped, with the commit where this is a checkout. */
export function subject(): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const commit = runTool('git', ['-C', ROOT, 'describe', '--always', '--dirty=, changed']);
  return commit.done ? `${version} (${commit.output.trim()})` : version;
}

/** The driver of a port by default. */
export function usualDriver(): string {
  const port = CompletionPort.create();
  try {
    return port.driver;
  } finally {
    port.close();
  }
}
