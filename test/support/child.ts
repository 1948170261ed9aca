/** Child processes of tests: each is bounded by a time and killed in the end, with a report of where it stood. */

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { standingOf } from './standing.js';
import { system } from './system.js';

export interface ChildResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program of `support/programs`, by its name. */
export function programPath(name: string): string {
  return fileURLToPath(new URL(`./programs/${name}.js`, import.meta.url));
}

export interface ChildOptions {
  /** Killed after this time. Then `stderr` ends with a report of what its threads did. */
  readonly timeoutMs?: number;
  /** Put before node: a limit of descriptors, a tracer. */
  readonly before?: readonly string[];
  readonly nodeOptions?: readonly string[];
  /** Another runtime instead of this process's, with its words before the script. */
  readonly runtime?: readonly string[];
  /** Added to the environment of the tests. */
  readonly env?: NodeJS.ProcessEnv;
}

const SPAWN_TRIES_MAX = 5;
/** A program or worker loads the package as users' programs do: the bundle, for a third of the single files' processor time. */
export const BUNDLED = '--conditions=bundled';

/**
 * Calls a function that spawns a process. On Windows `spawn` throws UNKNOWN for an error of CreateProcess that libuv has
 * no name for. Wine 8 has such failures now and then, and the next try succeeds.
 */
export function spawned<Process>(spawnOne: () => Process): Process {
  for (let tries = 1; ; tries++) {
    try {
      return spawnOne();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'UNKNOWN' || tries === SPAWN_TRIES_MAX) {
        throw error;
      }
    }
  }
}

/** A running program. */
export class Child {
  readonly process: ChildProcess;
  stdout = '';
  stderr = '';
  readonly ended: Promise<ChildResult>;
  #over = false;

  constructor(script: string, parameters: readonly string[], options: ChildOptions = {}) {
    const command = [
      ...(options.before ?? []),
      ...(options.runtime ?? [process.execPath, BUNDLED]),
      ...(options.nodeOptions ?? []),
      script,
      ...parameters,
    ];
    const [file, ...words] = command as [string, ...string[]];
    this.process = spawned(() =>
      spawn(file, words, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...options.env } }),
    );
    this.process.stdout?.on('data', (chunk) => {
      this.stdout += chunk;
    });
    this.process.stderr?.on('data', (chunk) => {
      this.stderr += chunk;
    });
    // The child may be gone before its input is closed.
    this.process.stdin?.on('error', () => undefined);
    const timeoutMs = (options.timeoutMs ?? 45_000) * system.patience;
    const timer = setTimeout(() => void this.#tookTooLong(timeoutMs), timeoutMs);
    this.ended = new Promise((resolve, reject) => {
      this.process.on('error', reject);
      this.process.on('close', (exitCode, signal) => {
        clearTimeout(timer);
        resolve({ exitCode, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
    const over = (): void => {
      this.#over = true;
    };
    // A program that cannot be started fails the test that waits for it, and no other.
    this.ended.then(over, over);
  }

  kill(): void {
    this.process.kill('SIGKILL');
  }

  /** Kills it, after what its test can show of the reason. */
  async #tookTooLong(timeoutMs: number): Promise<void> {
    const standing = await standingOf(this.process.pid as number);
    this.stderr += `Killed after ${timeoutMs / 1000} s. ${standing}`;
    this.kill();
  }

  /** Waits until the output fits; rejects when the child ends before, or was not started. */
  async says(pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match !== null) {
        return match;
      }
      if (this.#over) {
        const { exitCode, signal, stderr } = await this.ended;
        throw new Error(`Child ended (${exitCode ?? signal}) before it said ${pattern}: ${this.stdout} ${stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Seconds of processor time used so far, in hundredths as the kernel counts them (proc(5), stat). */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.process.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }
}

/** Runs a program to its end. */
export async function runProgram(
  name: string,
  parameters: readonly string[],
  options: ChildOptions = {},
): Promise<ChildResult> {
  return new Child(programPath(name), parameters, options).ended;
}
