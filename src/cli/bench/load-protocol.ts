/** The messages between the main thread and the threads of the load, and the counters that they share. */

import type { RecordableHistogram } from 'node:perf_hooks';
import type { EngineOptions } from '../../index.js';
import { EXIT_FAILED, Failure } from '../failure.js';
import type { LoadOptions } from './load.js';

/** The counters of each thread, in memory that it shares with the main thread. */
export const CONNECTED = 0;
export const MESSAGES = 1;
export const IN_FLIGHT = 2;
export const BYTES_CHECKED = 3;
export const COUNTS = 4;

export interface LoadThreadData {
  readonly engine: EngineOptions;
  readonly load: LoadOptions;
  readonly counts: SharedArrayBuffer;
}

export type LoadOrder = 'connect' | 'send' | 'measure' | 'finish';

export type LoadAnswer =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'connected' }
  | { readonly kind: 'returned'; readonly latency: RecordableHistogram }
  | { readonly kind: 'failed'; readonly message: string; readonly exitCode: number };

/** Turns a failure into a message. Any other error is a bug, and keeps its stack. */
export function answerOf(error: unknown): LoadAnswer {
  return error instanceof Failure
    ? { kind: 'failed', message: error.message, exitCode: error.exitCode }
    : { kind: 'failed', message: String((error as Error | undefined)?.stack ?? error), exitCode: EXIT_FAILED };
}
