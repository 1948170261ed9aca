/** The memory that a thread which makes blocking calls shares with its owner. */

import type { MessagePort } from 'node:worker_threads';
import type { BlockingCall } from '../../ffi/blocking-calls.js';

/** Words of the memory: how many calls were started, and how many of them have ended, */
export const STARTED = 0;
export const ENDED = 1;
/** what the last one returned, */
export const RESULT = 2;
/** and how many parameters the next one has. */
export const COUNT = 3;
const WORDS = 4;

/** Instead of a number of calls in STARTED: there will be no other, and the thread ends. */
export const CLOSED = -1;

/** Parameters of a call at the most. */
const PARAMETERS_MAX = 6;

export interface BlockingMemory {
  readonly words: Int32Array;
  readonly parameters: Float64Array;
}

/** A worker's `workerData`. */
export interface BlockingThreadData {
  readonly call: BlockingCall;
  readonly memory: BlockingMemory;
  /** Where it says that it has loaded, and that a call has ended. */
  readonly port: MessagePort;
}

export function createBlockingMemory(): BlockingMemory {
  const memory = new SharedArrayBuffer(4 * WORDS + 8 * PARAMETERS_MAX);
  return { words: new Int32Array(memory, 0, WORDS), parameters: new Float64Array(memory, 4 * WORDS, PARAMETERS_MAX) };
}
