/** A program that the suite starts, pinned to a processor: its first line, its end, and its killing, each in bounded time. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { pinned, ROOT } from './places.js';

/** How long one may take from being asked to end to being killed. */
const STOP_TIMEOUT_MS = 10_000;
/** How long one that has just ended may take to be noticed. */
const END_TIMEOUT_MS = 200;
/** Of what it says of its failure: kept, and repeated. */
const COMPLAINT_LENGTH_MAX = 10_000;
const WORDS_LENGTH_MAX = 300;
/** In a trace, which begins with the place. */
const ERROR_LINE = /^\w*Error\b.*/m;

const nothing = (): undefined => undefined;

export class Child {
  readonly #process: ChildProcess;
  readonly #name: string;
  /** It is gone, or was never there. */
  readonly #exited: Promise<unknown>;
  /** So is all that it wrote, and whoever else could have written there. */
  readonly #closed: Promise<unknown>;
  readonly #firstLine: Promise<string | undefined>;
  #complaint = '';

  constructor(name: string, cpu: number, command: readonly string[]) {
    const [program = '', ...words] = pinned(cpu, command);
    this.#name = name;
    this.#process = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = once(this.#process, 'exit').catch((error: Error) => {
      this.#complaint = error.message;
    });
    this.#closed = once(this.#process, 'close').catch(nothing);
    this.#process.stderr?.on('data', (data: Buffer) => {
      this.#complaint = `${this.#complaint}${data}`.slice(0, COMPLAINT_LENGTH_MAX);
    });
    const lines = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream });
    const line = once(lines, 'line').then(([first]) => first as string);
    this.#firstLine = Promise.race([line, this.#closed.then(nothing)]);
    this.#firstLine.catch(nothing);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The first line that it prints. */
  async says(timeoutMs: number): Promise<string> {
    const timer = new AbortController();
    const late = delay(timeoutMs, undefined, { signal: timer.signal }).then(() => {
      throw new Error(`${this.#name} said nothing for ${timeoutMs} ms`);
    });
    late.catch(nothing);
    try {
      const line = await Promise.race([this.#firstLine, late]);
      if (line === undefined) {
        throw new Error(this.#end());
      }
      return line;
    } finally {
      timer.abort();
    }
  }

  /** How it ended, if it has by itself. */
  async lastWords(): Promise<string | undefined> {
    const timer = new AbortController();
    const late = delay(END_TIMEOUT_MS, undefined, { signal: timer.signal }).catch(nothing);
    await Promise.race([this.#closed, late]);
    timer.abort();
    const { exitCode, signalCode } = this.#process;
    return exitCode === null && signalCode === null ? undefined : this.#end();
  }

  #end(): string {
    const { exitCode, signalCode } = this.#process;
    const [complaint] = ERROR_LINE.exec(this.#complaint) ?? [this.#complaint];
    const words = complaint.replaceAll(ROOT, '').replace(/\s+/g, ' ').trim().slice(0, WORDS_LENGTH_MAX);
    return `${this.#name} ended: ${words || `it said nothing, ${signalCode ?? `exit code ${exitCode}`}`}`;
  }

  /** Ends it: at once, or as it ends when it is asked, for one that has others to end. */
  async stop(asked: boolean): Promise<void> {
    const timeout = setTimeout(() => this.#process.kill('SIGKILL'), STOP_TIMEOUT_MS);
    try {
      this.#process.kill(asked ? 'SIGTERM' : 'SIGKILL');
      await this.#exited;
    } finally {
      clearTimeout(timeout);
      // Another that it has started may hold the other ends.
      this.#process.stdout?.destroy();
      this.#process.stderr?.destroy();
    }
  }
}
