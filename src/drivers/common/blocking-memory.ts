/** The memory that a blocking thread shares with its owner. */

import type { MessagePort } from 'node:worker_threads';
import type { BlockingCall } from '../../ffi/blocking-calls.js';

/** Words of the memory. Number of calls that were started. */
export const STARTED = 0;
/** Number of calls that have ended. */
export const ENDED = 1;
/** Result of the last call. */
export const RESULT = 2;
/** Number of parameters of the next call. */
export const COUNT = 3;
const WORDS = 4;

/** In STARTED instead of a number of calls: no other call follows, and the thread ends. */
export const CLOSED = -1;

/** Maximum number of parameters of a call. */
const PARAMETERS_MAX = 6;

export interface BlockingMemory {
  readonly words: Int32Array;
  readonly parameters: Float64Array;
}

/** A worker's `workerData`. */
export interface BlockingThreadData {
  readonly call: BlockingCall;
  readonly memory: BlockingMemory;
  /** The worker posts a message here when it has loaded, and after each call. */
  readonly port: MessagePort;
}

export function createBlockingMemory(): BlockingMemory {
  const memory = new SharedArrayBuffer(4 * WORDS + 8 * PARAMETERS_MAX);
  return { words: new Int32Array(memory, 0, WORDS), parameters: new Float64Array(memory, 4 * WORDS, PARAMETERS_MAX) };
}
