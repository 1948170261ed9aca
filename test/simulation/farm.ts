/** Runs many seeds in several processes. One that crashes, or does not come to an end, has failed at its seed. */

import { type ChildProcess, fork } from 'node:child_process';
import { addCoverage, type Coverage, emptyCoverage } from './coverage.js';

/** A seed takes milliseconds; one that takes this long is stuck. */
const STUCK_MS = 60_000;
const STDERR_CHARACTERS_MAX = 4000;

/** The messages of a worker. */
export type Report =
  | { readonly kind: 'seed'; readonly seed: number }
  | { readonly kind: 'failure'; readonly seed: number; readonly message: string }
  | { readonly kind: 'coverage'; readonly coverage: Coverage };

export interface Failure {
  readonly seed: number;
  readonly message: string;
}

export interface FarmOptions {
  readonly from: number;
  readonly seeds: number;
  /** How far the seeds are apart. @default 1 */
  readonly apart?: number;
  readonly jobs: number;
  /** The worker's file: that of a broken copy, or this build's. */
  readonly worker?: URL;
  /** Whether to end with the first failure. */
  readonly stopAtFirst?: boolean;
  readonly onProgress?: (seedsDone: number, failures: number) => void;
}

export interface FarmResult {
  readonly failures: readonly Failure[];
  readonly coverage: Coverage;
  readonly seedsDone: number;
  readonly elapsedMs: number;
}

class Farm {
  readonly #options: FarmOptions;
  readonly #children = new Set<ChildProcess>();
  readonly failures: Failure[] = [];
  readonly coverage = emptyCoverage();
  seedsDone = 0;

  constructor(options: FarmOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { seeds, jobs, from, apart = 1 } = this.#options;
    const used = Math.max(1, Math.min(jobs, seeds));
    const shares = Array.from({ length: used }, (_, job) => Math.floor((seeds - job + used - 1) / used));
    await Promise.all(shares.map((share, job) => this.#runJob(from + job * apart, used * apart, share)));
  }

  #runJob(first: number, step: number, seeds: number): Promise<void> {
    const worker = this.#options.worker ?? new URL('./worker.js', import.meta.url);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = fork(worker, [first, step, seeds].map(String), {
      env,
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#children.add(child);
    return new Promise((resolve) => {
      const job = new Job(this, child, () => this.#stopIfFailed());
      child.on('exit', (exitCode, signal) => {
        this.#children.delete(child);
        job.exited(exitCode, signal);
        this.#stopIfFailed();
        resolve();
      });
    });
  }

  #stopIfFailed(): void {
    if (this.#options.stopAtFirst === true && this.failures.length > 0) {
      for (const child of this.#children) {
        child.kill('SIGKILL');
      }
    }
    this.#options.onProgress?.(this.seedsDone, this.failures.length);
  }
}

/** One process. */
class Job {
  readonly #farm: Farm;
  readonly #child: ChildProcess;
  readonly #changed: () => void;
  #seed: number | undefined;
  #stderr = '';
  #stuck: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(farm: Farm, child: ChildProcess, changed: () => void) {
    this.#farm = farm;
    this.#child = child;
    this.#changed = changed;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_CHARACTERS_MAX);
    });
    child.on('message', (report) => this.#take(report as Report));
  }

  #take(report: Report): void {
    clearTimeout(this.#stuck);
    switch (report.kind) {
      case 'seed':
        this.#finishSeed();
        this.#seed = report.seed;
        this.#stuck = setTimeout(() => this.#child.kill('SIGKILL'), STUCK_MS);
        break;
      case 'failure':
        this.#farm.failures.push({ seed: report.seed, message: report.message });
        break;
      case 'coverage':
        this.#finishSeed();
        this.#isOver = true;
        addCoverage(this.#farm.coverage, report.coverage);
    }
    this.#changed();
  }

  #finishSeed(): void {
    if (this.#seed !== undefined) {
      this.#farm.seedsDone++;
      this.#seed = undefined;
    }
  }

  exited(exitCode: number | null, signal: string | null): void {
    clearTimeout(this.#stuck);
    const stopped = signal === 'SIGKILL' && this.#farm.failures.length > 0;
    if (!this.#isOver && !stopped) {
      const how = signal === 'SIGKILL' ? `did not end in ${STUCK_MS} ms` : `ended its process: ${signal ?? exitCode}`;
      this.#farm.failures.push({ seed: this.#seed ?? 0, message: `The seed ${how}\n${this.#stderr}` });
    }
  }
}

export async function runFarm(options: FarmOptions): Promise<FarmResult> {
  const beganAt = performance.now();
  const farm = new Farm(options);
  await farm.run();
  const { failures, coverage, seedsDone } = farm;
  return {
    failures: failures.toSorted((one, other) => one.seed - other.seed),
    coverage,
    seedsDone,
    elapsedMs: performance.now() - beganAt,
  };
}

/** The failure, with the one command that replays it. */
export function describeFailure({ seed, message }: Failure): string {
  return `Seed ${seed} failed. To replay it: npm run sim -- --seed ${seed}\n${message}`;
}
