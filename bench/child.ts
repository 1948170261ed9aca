/**
 * A program that the suite starts, pinned to a processor: reads its output, stops it between measurements, ends and
 * kills it, each in bounded time.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { pinned, ROOT } from './paths.js';

/** How long one may take from being asked to end to being killed. */
const STOP_TIMEOUT_MS = 10_000;
/** How long one that has just ended may take to be noticed. */
const END_TIMEOUT_MS = 200;
/** How much of its error output is kept and repeated. */
const COMPLAINT_LENGTH_MAX = 10_000;
const WORDS_LENGTH_MAX = 300;
/** In a trace, which begins with the place. */
const ERROR_LINE = /^\w*Error\b.*/m;

const nothing = (): undefined => undefined;

/** Programs that have not been ended yet. */
const running = new Set<Child>();

export interface ChildOptions {
  /** It has others to end, and does when it is asked to end itself. */
  readonly isAsked?: boolean;
  /** It reads lines. */
  readonly isTold?: boolean;
  /** Added to the suite's environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

export class Child {
  readonly #process: ChildProcess;
  readonly #name: string;
  /** It is gone, or was never there. */
  readonly #exited: Promise<unknown>;
  /** The process has ended, and so has its output, whoever else could have written there. */
  readonly #closed: Promise<unknown>;
  readonly #lines: AsyncIterator<string, undefined>;
  readonly #isAsked: boolean;
  #complaint = '';

  constructor(name: string, cpu: number, command: readonly string[], options: ChildOptions = {}) {
    const [program = '', ...words] = pinned(cpu, command);
    this.#name = name;
    this.#isAsked = options.isAsked === true;
    this.#process = spawn(program, words, {
      stdio: [options.isTold === true ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.environment },
    });
    running.add(this);
    // It may have ended, which the missing answer shows.
    this.#process.stdin?.on('error', nothing);
    this.#exited = once(this.#process, 'exit').catch((error: Error) => {
      this.#complaint = error.message;
    });
    this.#closed = once(this.#process, 'close').catch(nothing);
    this.#process.stderr?.on('data', (data: Buffer) => {
      this.#complaint = `${this.#complaint}${data}`.slice(0, COMPLAINT_LENGTH_MAX);
    });
    const lines = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream });
    this.#lines = lines[Symbol.asyncIterator]() as AsyncIterator<string, undefined>;
  }

  /** Ends all that are running, wherever one waits for them. */
  static async stopAll(): Promise<void> {
    await Promise.all([...running].map((child) => child.stop()));
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Writes it a line. */
  tell(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** Takes its processor time away. */
  pause(): void {
    this.#process.kill('SIGSTOP');
  }

  resume(): void {
    this.#process.kill('SIGCONT');
  }

  /** The next line that it prints. */
  async says(timeoutMs: number): Promise<string> {
    const timer = new AbortController();
    const late = delay(timeoutMs, undefined, { signal: timer.signal }).then(() => {
      throw new Error(`${this.#name} said nothing for ${timeoutMs} ms`);
    });
    late.catch(nothing);
    try {
      const next = await Promise.race([this.#lines.next(), late]);
      if (next.done !== true) {
        return next.value;
      }
      await Promise.race([this.#closed, late]);
      throw new Error(this.#end());
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

  /** Ends it: at once, or as it ends when it is asked. */
  async stop(): Promise<void> {
    const timeout = setTimeout(() => this.#process.kill('SIGKILL'), STOP_TIMEOUT_MS);
    try {
      this.#process.kill(this.#isAsked ? 'SIGTERM' : 'SIGKILL');
      // A stopped process receives no signal but SIGKILL.
      this.#process.kill('SIGCONT');
      await this.#exited;
    } finally {
      clearTimeout(timeout);
      running.delete(this);
      this.#process.stdin?.destroy();
      // Another that it has started may hold the other ends.
      this.#process.stdout?.destroy();
      this.#process.stderr?.destroy();
    }
  }
}
