/** A program that the suite starts, pinned to a processor: its first line, its end, and its killing, each in bounded time. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { pinned, ROOT } from './places.js';

/** How long one may take from being asked to end to being killed. */
const STOP_TIMEOUT_MS = 10_000;
/** Of what it says of its failure. */
const COMPLAINT_LENGTH_MAX = 300;

export class Child {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #name: string;
  readonly #firstLine: Promise<string | undefined>;
  #complaint = '';

  constructor(name: string, cpu: number, command: readonly string[]) {
    const [program = '', ...words] = pinned(cpu, command);
    this.#name = name;
    this.#process = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = Promise.race([once(this.#process, 'close'), once(this.#process, 'error')]);
    this.#ended.catch(() => undefined);
    this.#process.stderr?.on('data', (data: Buffer) => {
      this.#complaint = `${this.#complaint}${data}`.slice(0, COMPLAINT_LENGTH_MAX);
    });
    const lines = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream });
    this.#firstLine = Promise.race([
      once(lines, 'line').then(([line]) => line as string),
      this.#ended.then(() => undefined),
    ]);
    this.#firstLine.catch(() => undefined);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The first line that it prints. */
  async says(timeoutMs: number): Promise<string> {
    const timer = new AbortController();
    const late = new Promise<never>((_, reject) => {
      const timeout = setTimeout(() => reject(new Error(`${this.#name} said nothing for ${timeoutMs} ms`)), timeoutMs);
      timer.signal.addEventListener('abort', () => clearTimeout(timeout));
    });
    try {
      const line = await Promise.race([this.#firstLine, late]);
      if (line === undefined) {
        throw new Error(`${this.#name} ended: ${this.#complaint.replaceAll(ROOT, '').trim() || 'it said nothing'}`);
      }
      return line;
    } finally {
      timer.abort();
    }
  }

  /** Ends it: at once, or as it ends when it is asked, for one that has others to end. */
  async stop(asked: boolean): Promise<void> {
    this.#process.kill(asked ? 'SIGTERM' : 'SIGKILL');
    const timeout = setTimeout(() => this.#process.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#ended;
    clearTimeout(timeout);
  }
}
