/** Puts `overlapped/net` in the place of `node:net`, once in each thread. Native code is loaded only if that is wanted. */

import nodeNet from 'node:net';
import { debuglog } from 'node:util';
import { nativeError } from '../ffi/native-error.js';
import { warnUnavailable } from '../net/available-warning.js';
import { MOVED } from '../net/node-net.js';
import { isSwitchedOff } from '../net/variables.js';
import type * as Moving from './move.js';
import { type Outcome, wordsOf } from './outcome.js';

const debug = debuglog('overlapped');

/** Node's message where a bundler has left the file out. */
const MISSING = /^Cannot find module '\.\/register\/move\.js'/;

/** @param load loads `move.js` with the engine and koffi, synchronously: `--require` waits for nothing */
export function register(load: () => typeof Moving): void {
  const outcome = outcomeOf(load);
  debug('%s', wordsOf(outcome));
}

function outcomeOf(load: () => typeof Moving): Outcome {
  if (isSwitchedOff()) {
    return { state: 'off' };
  }
  if (Object.hasOwn(nodeNet, MOVED)) {
    return { state: 'repeated' };
  }
  try {
    return load().move();
  } catch (error) {
    // Also where Node's permission model allows no native code: the program runs as if there were no preload.
    const reason = reasonOf(error);
    warnUnavailable(reason);
    return { state: 'unavailable', reason };
  }
}

function reasonOf(error: unknown): string {
  const native = nativeError(error);
  if (native !== undefined) {
    return `${native.reason}; ${native.advice}`;
  }
  const { message } = error as Error;
  return MISSING.test(message)
    ? 'a bundle has no file for overlapped/register; load it from the package, by --import or --require'
    : message;
}
