/** Programs on Windows' Node in Wine, for tests that drive them from Linux: both share the loopback addresses. */

import { fileURLToPath } from 'node:url';
import { Child, type ChildResult } from './child.js';
import type { Availability } from './system.js';

const SCRIPTS = new URL('../../../scripts/', import.meta.url);

/** Another run in this checkout comes first, and the first run of all installs Windows' Node. */
export const WINE_START_MS = 240_000;
const PROGRAM_MS = 280_000;

const { wineMissing } = (await import(new URL('wine.js', SCRIPTS).href)) as { wineMissing(): string | undefined };

/** `true`, or why no Windows program runs here and what to do about it. */
export const wineHere: Availability = wineMissing() ?? true;

/** Wine's server for the project's prefix: ends it as a crash does, and asks whether it was lost since asked before. */
export const { killServer, wasLost } = (await import(new URL('wine-server.js', SCRIPTS).href)) as {
  killServer(): void;
  wasLost(): boolean;
};

/** A program of the project, by its path from the project's directory, as `npm run windows` starts it. */
export class WineChild extends Child {
  constructor(program: string, parameters: readonly string[] = []) {
    super(fileURLToPath(new URL('windows.js', SCRIPTS)), [program, ...parameters], { timeoutMs: PROGRAM_MS });
  }

  /** The program's standard error, without Wine's own messages: that it waits for another run, or is being set up. */
  get errors(): string {
    return this.stderr.replace(/^(?:wine|windows): .*\n/gm, '');
  }

  /** Ends the program with Ctrl-C, and with it what Wine has started. */
  stop(): Promise<ChildResult> {
    this.process.kill('SIGINT');
    return this.ended;
  }
}
