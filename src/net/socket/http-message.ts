/**
 * Callbacks of `node:http` for its own writes. It does not mind whether the system has the bytes yet, and waiting for that
 * costs a request as much as a tenth of its time.
 */

import type { HttpMessage, NetSocket } from './state.js';
import type { Done } from './writer.js';

/** The property with the callbacks of `end`, since Node 24: before they were listeners of `finish`. */
let endCallbacks: symbol | undefined;
let isEndKnown = false;

function endCallbacksOf(message: HttpMessage): unknown {
  if (!isEndKnown) {
    isEndKnown = true;
    endCallbacks = Object.getOwnPropertySymbols(message).find(({ description }) => description === 'kEndCallbacks');
  }
  return endCallbacks === undefined ? null : (message as unknown as Record<symbol, unknown>)[endCallbacks];
}

/** Functions that are looked at until the empty one is known with which http replaces a missing callback. */
let looksLeft = 64;
let nothing: Done | undefined;

function doesNothing(callback: Done): boolean {
  if (nothing === undefined && looksLeft > 0) {
    looksLeft--;
    if (callback.length === 0 && Function.prototype.toString.call(callback) === '() => {}') {
      nothing = callback;
    }
  }
  return callback === nothing;
}

/**
 * Whether a callback may be called before the system has the bytes: it does nothing, or it emits the `finish` of a message for
 * http alone. `finish` follows the last write of a message. A server itself listens to it first, a client does not.
 * @param message that was complete after the write, and not before
 */
export function isFinish(
  socket: NetSocket,
  message: HttpMessage | null | undefined,
  callback: Done,
  isLast: boolean,
): boolean {
  if (!isLast || message?.finished !== true) {
    return doesNothing(callback);
  }
  const listener = message._events?.finish;
  const isHttps = listener === undefined || (typeof listener === 'function' && socket._server !== null);
  return isHttps && !endCallbacksOf(message);
}
