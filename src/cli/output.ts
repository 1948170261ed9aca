/** Standard output, which may end before we do: `overlapped doctor | head -1` is no error. */

import { process } from '../base/runtime.js';

let gone = false;
let onGone: (() => void) | undefined;

/** To be called once, before anything is written. */
export function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      throw error;
    }
    gone = true;
    onGone?.();
  });
  // Nobody is left to be told.
  process.stderr.on('error', () => undefined);
}

/** `listener` is called when nobody reads the output any more. */
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
