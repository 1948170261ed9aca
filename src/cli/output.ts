/** Standard output. It may be closed before the command ends: `overlapped doctor | head -1` is no error. */

import { process } from '../base/runtime.js';

let gone = false;
let onGone: (() => void) | undefined;

/** Call it once, before the first write. */
export function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      throw error;
    }
    gone = true;
    onGone?.();
  });
  // Standard error is closed, so there is nowhere to report it.
  process.stderr.on('error', () => undefined);
}

/** Calls `listener` once nobody reads the output any more. */
export function whenOutputEnds(listener: () => void): void {
  onGone = listener;
}

export function writeLine(text: string): void {
  if (!gone) {
    process.stdout.write(`${text}\n`);
  }
}

export function writeJson(value: unknown): void {
  writeLine(JSON.stringify(value));
}
