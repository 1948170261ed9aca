/** What the figures were measured on. */

import { cpus, release, totalmem, type } from 'node:os';
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
