/** A process that a check has started: its output, and its end whatever happens. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

export interface RunningOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  readonly timeoutMs?: number;
  /** The signal that ends it in order; it is killed if it stays. */
  readonly endSignal?: NodeJS.Signals;
  /** Parts of a `setpriv` command line, such as another user. */
  readonly privileges?: readonly string[];
}

export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const TIMEOUT_MS = 120_000;
const END_TIMEOUT_MS = 5000;
const OUTPUT_LENGTH_MAX = 4_000_000;
const HUNDREDTH = 0.01;
/** Ends what a process has started if that process is killed (util-linux). */
const SETPRIV = '/usr/bin/setpriv';
const KILLED = 137;

export class Running {
  readonly command: string;
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  #isOver = false;
  readonly #endSignal: NodeJS.Signals;

  constructor(command: string, parameters: readonly string[], options: RunningOptions = {}) {
    this.command = command;
    this.#endSignal = options.endSignal ?? 'SIGKILL';
    const guard = existsSync(SETPRIV)
      ? [SETPRIV, ...(options.privileges ?? []), '--pdeathsig', this.#endSignal.slice(3)]
      : [];
    const [file, ...words] = [...guard, command, ...parameters] as [string, ...string[]];
    this.process = spawn(file, words, {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...(options.env !== undefined && { env: options.env }),
    });
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout = (this.stdout + text).slice(-OUTPUT_LENGTH_MAX);
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-OUTPUT_LENGTH_MAX);
    });
    this.process.stdin?.on('error', () => undefined);
    this.process.stdin?.end(options.input ?? '');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), options.timeoutMs ?? TIMEOUT_MS);
    this.ended = new Promise((resolve) => {
      const over = (exitCode: number, stderr: string): void => {
        clearTimeout(timer);
        this.#isOver = true;
        resolve({ exitCode, stdout: this.stdout, stderr });
      };
      this.process.on('error', (error) => over(KILLED, error.message));
      this.process.on('close', (exitCode) => over(exitCode ?? KILLED, this.stderr));
    });
  }

  /** Waits until the output fits; rejects when the process ends before. */
  async says(pattern: RegExp, timeoutMs = TIMEOUT_MS): Promise<RegExpMatchArray> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (match !== null) {
        return match;
      }
      if (this.#isOver || performance.now() > deadline) {
        throw new Error(`${this.command} did not say ${pattern}: ${this.stdout}${this.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Seconds of processor time used so far (proc(5), stat). */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.process.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * HUNDREDTH;
  }

  kill(): void {
    this.process.kill('SIGKILL');
  }

  /** Ends the process and waits for that. */
  async end(): Promise<void> {
    if (this.#isOver) {
      return;
    }
    this.process.kill(this.#endSignal);
    const timer = setTimeout(() => this.kill(), END_TIMEOUT_MS);
    await this.ended;
    clearTimeout(timer);
  }
}
