/** The one file that loads koffi, when the first driver needs it: a program on the driver `node` runs without it. */

import { createRequire } from 'node:module';
import type koffi from 'koffi';
import { fileHere } from '../base/runtime.js';
import { uninterrupted } from './worker-table.js';

export type Koffi = typeof koffi;

/** In a bundle, koffi is looked for from the bundle's file. */
const requireHere = createRequire(fileHere(import.meta.url));

let loaded: Koffi | undefined;
let failure: unknown;

/** koffi, if it is loaded. Foreign functions and addresses of the system exist only then. */
export function loadedKoffi(): Koffi | undefined {
  return loaded;
}

/**
 * Loads koffi, once in a thread. The thread is not terminated meanwhile, nor in any call that may make koffi throw: all
 * but calls of declared functions with numbers, and taking addresses.
 * @throws the error of Node's loader, which `nativeError` explains
 */
export function loadKoffi(): Koffi {
  if (loaded === undefined) {
    if (failure !== undefined) {
      throw failure;
    }
    try {
      loaded = uninterrupted(() => requireHere('koffi') as Koffi);
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  return loaded;
}
