/** The foreign calls that block. Each is made on a thread that makes no other call. */

import { type ForeignFunction, Library } from './library.js';
import { POLL } from './linux/libc.js';
import { GET_QUEUED_COMPLETION_STATUS_EX } from './windows/kernel32.js';
import { SELECT } from './windows/ws2_32.js';

/** Calls with their libraries and prototypes. */
const CALLS = {
  GetQueuedCompletionStatusEx: ['kernel32.dll', GET_QUEUED_COMPLETION_STATUS_EX],
  poll: [null, POLL],
  select: ['ws2_32.dll', SELECT],
} as const;

export type BlockingCall = keyof typeof CALLS;

export function declareBlockingCall(name: BlockingCall): ForeignFunction {
  const [library, prototype] = CALLS[name];
  return new Library(library).declare(prototype);
}
