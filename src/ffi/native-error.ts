/** koffi that cannot be loaded: the package is missing, or its binary for this system is. */

import { loadKoffi } from './koffi.js';

/** Why koffi cannot be loaded, and what to do about it. */
export interface NativeError {
  readonly reason: string;
  readonly advice: string;
}

/** Explains an error of importing overlapped; undefined if koffi is not its cause. */
export function nativeError(error: unknown): NativeError | undefined {
  if (!(error instanceof Error)) {
    return undefined;
  }
  const [message = ''] = error.message.split('\n');
  if (/^Cannot find (?:package|module) 'koffi'/.test(message)) {
    return { reason: 'koffi is not installed', advice: 'run npm install koffi' };
  }
  if ((error as NodeJS.ErrnoException).code === 'ERR_DLOPEN_DISABLED') {
    return { reason: "Node's permission model allows no native code", advice: 'use --allow-addons' };
  }
  if (/^Requires ffi access/.test(message)) {
    return { reason: 'Deno allows no native code here', advice: 'use --allow-ffi' };
  }
  if (/koffi/i.test(message) || (error as NodeJS.ErrnoException).code === 'ERR_DLOPEN_FAILED') {
    return {
      reason: `koffi cannot be loaded: ${message}`,
      advice: 'install without --omit=optional, as its binaries are optional packages; some systems have none',
    };
  }
  return undefined;
}

/** Loads koffi; returns why it cannot be loaded, if it cannot. */
export function lackOfKoffi(): NativeError | undefined {
  try {
    loadKoffi();
    return undefined;
  } catch (error) {
    const native = nativeError(error);
    if (native === undefined) {
      throw error;
    }
    return native;
  }
}
