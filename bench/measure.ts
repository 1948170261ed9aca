/** A contender in a scenario, from its first measurement to its last: its server on one processor, the load on the other. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contender } from './contender.js';
import type { IdleMemory, Sample, Target, Work } from './load/order.js';
import type { LoadProcess } from './load-process.js';
import type { Scenario } from './scenarios/scenario.js';
import { Server } from './server.js';

export interface Timing {
  readonly quick: boolean;
  /** The warm-up of a server that has just been started. */
  readonly firstWarmUpMs: number;
  /** In each round. */
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** The factor of the first warm-up in scenarios in which little happens. */
const SLOW_WARM_UP = 2;

export class Entrant {
  readonly #contender: Contender;
  readonly #scenario: Scenario;
  readonly #timing: Timing;
  readonly #work: Work;
  readonly #warmUpWorks: readonly Work[];
  /** The running server; undefined before its start, after its end, and after a failure. */
  #started: { readonly server: Server; readonly target: Target } | undefined;

  constructor(contender: Contender, scenario: Scenario, timing: Timing) {
    this.#contender = contender;
    this.#scenario = scenario;
    this.#timing = timing;
    this.#work = scenario.work(timing.quick);
    this.#warmUpWorks = scenario.warmUpWorks?.(timing.quick) ?? [this.#work];
  }

  /**
   * Whether its server lasts for all rounds, as servers in use do. Memory is measured in a new process, and in Wine only
   * one server can run at a time.
   */
  get lasts(): boolean {
    return this.#work.kind !== 'idle' && this.#contender.remote !== true;
  }

  /** Whether it has a first warm-up of its own. */
  get warmsUpFirst(): boolean {
    return this.lasts && this.#firstWarmUpMs > 0;
  }

  get #firstWarmUpMs(): number {
    return this.#timing.firstWarmUpMs * (this.#scenario.warmsUpSlowly === true ? SLOW_WARM_UP : 1);
  }

  /** Makes its first run, of which no sample is kept. */
  async warmUp(load: LoadProcess): Promise<void> {
    const measureMs = this.#firstWarmUpMs / this.#warmUpWorks.length;
    for (const work of this.#warmUpWorks) {
      await this.#turn((target) => load.obey({ ...target, work, warmUpMs: 0, measureMs }));
    }
  }

  /** @throws Error that gives the reason; the next measurement then starts another server, which is warmed up first */
  async measure(load: LoadProcess): Promise<Sample> {
    const { warmUpMs, quick } = this.#timing;
    const measureMs = Math.max(this.#timing.measureMs, this.#scenario.measureMsMin?.(quick) ?? 0);
    if (this.warmsUpFirst && this.#started === undefined) {
      await this.warmUp(load);
    }
    const needed = this.lasts ? warmUpMs : Math.max(warmUpMs, this.#firstWarmUpMs);
    const sample = await this.#turn((target) =>
      load.obey({ ...target, work: this.#work, warmUpMs: needed, measureMs }),
    );
    if (this.#work.kind !== 'idle' || this.#contender.collects !== true) {
      return sample;
    }
    const idle = { ...sample.idle, ...(await this.#inUse(load, this.#work.connections)) };
    return { ...sample, idle };
  }

  /** Asks another process for the memory in use: a collection would change the resident memory of the first one. */
  async #inUse(load: LoadProcess, connections: number): Promise<IdleMemory | undefined> {
    const folder = mkdtempSync(join(tmpdir(), 'overlapped-bench-'));
    try {
      const run = (target: Target): Promise<Sample> =>
        load.obey({ ...target, work: { kind: 'in-use', connections }, warmUpMs: 0, measureMs: 0 });
      const { idle } = await this.#turn(run, join(folder, 'in-use'));
      return idle;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  async end(): Promise<void> {
    const started = this.#started;
    this.#started = undefined;
    await started?.server.stop();
  }

  async #turn(run: (target: Target) => Promise<Sample>, inUseFile?: string): Promise<Sample> {
    const server = this.#started?.server ?? new Server(this.#contender);
    try {
      server.resume();
      const target = this.#started?.target ?? (await server.start(this.#scenario, inUseFile));
      this.#started = { server, target };
      const sample = await run(target);
      await (this.lasts ? server.rest() : this.end());
      return sample;
    } catch (error) {
      const failure = await server.failureOf(error as Error);
      this.#started = undefined;
      await server.stop();
      throw failure;
    }
  }
}
