/** The load on an echo server from several threads, each with its part of the connections. */

import { createHistogram } from 'node:perf_hooks';
import { URL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { EngineOptions } from '../../index.js';
import { WorkerEnd } from '../../threads/worker-end.js';
import { Failure } from '../failure.js';
import type { LoadOptions, LoadRun } from './load.js';
import {
  BYTES_CHECKED,
  CONNECTED,
  COUNTS,
  IN_FLIGHT,
  type LoadAnswer,
  type LoadOrder,
  type LoadThreadData,
  MESSAGES,
} from './load-protocol.js';

/** One of the threads. */
class LoadThread {
  readonly worker: Worker;
  readonly end: WorkerEnd;
  readonly counts: Float64Array;
  #answered: () => void = () => undefined;

  constructor(
    data: Omit<LoadThreadData, 'counts'>,
    onAnswer: (answer: LoadAnswer) => void,
    fail: (e: unknown) => void,
  ) {
    const counts = new SharedArrayBuffer(8 * COUNTS);
    this.counts = new Float64Array(counts);
    const workerData: LoadThreadData = { ...data, counts };
    this.worker = new Worker(new URL('./load-thread.js', import.meta.url), { workerData });
    this.end = new WorkerEnd(this.worker);
    this.worker.on('message', (answer: LoadAnswer) => {
      if (answer.kind === 'loaded') {
        this.end.loaded();
        return;
      }
      onAnswer(answer);
      this.#answered();
    });
    this.worker.on('error', fail);
  }

  order(order: LoadOrder): void {
    this.worker.postMessage(order);
  }

  /** Resolves with the next answer. */
  obeyed(order: LoadOrder): Promise<void> {
    this.order(order);
    return new Promise((resolve) => {
      this.#answered = resolve;
    });
  }
}

export class LoadThreads implements LoadRun {
  readonly #threads: readonly LoadThread[];
  readonly latency = createHistogram();
  readonly failed: Promise<never>;
  #fail: (error: unknown) => void = () => undefined;

  /** @param threads no more than there are connections */
  constructor(threads: number, engine: EngineOptions, options: LoadOptions) {
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => undefined);
    this.#threads = Array.from({ length: threads }, (_, index) => {
      const firstIndex = Math.floor((options.connections * index) / threads);
      const connections = Math.floor((options.connections * (index + 1)) / threads) - firstIndex;
      const load = { ...options, connections, firstIndex };
      return new LoadThread({ engine, load }, (answer) => this.#told(answer), this.#fail);
    });
  }

  #told(answer: LoadAnswer): void {
    if (answer.kind === 'failed') {
      this.#fail(new Failure(answer.message, answer.exitCode));
    } else if (answer.kind === 'returned' && answer.latency.count > 0) {
      this.latency.add(answer.latency);
    }
  }

  #sum(index: number): number {
    return this.#threads.reduce((sum, { counts }) => sum + (counts[index] as number), 0);
  }

  get connected(): number {
    return this.#sum(CONNECTED);
  }

  get messages(): number {
    return this.#sum(MESSAGES);
  }

  get inFlight(): number {
    return this.#sum(IN_FLIGHT);
  }

  get bytesChecked(): number {
    return this.#sum(BYTES_CHECKED);
  }

  async connect(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.obeyed('connect')));
  }

  send(): void {
    this.#threads.forEach((thread) => thread.order('send'));
  }

  measure(): void {
    this.#threads.forEach((thread) => thread.order('measure'));
  }

  async finish(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.obeyed('finish')));
  }

  /** The threads end where they are: what they have open goes with the process, which ends too. */
  close(): void {
    for (const { worker, end } of this.#threads) {
      worker.removeAllListeners('error');
      worker.on('error', () => undefined);
      end.terminate();
    }
  }
}
