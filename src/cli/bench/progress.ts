/** A progress bar, if standard error is a terminal. */

import { SingleBar } from 'cli-progress';
import { clearInterval, performanceNow, process, setInterval } from '../../base/runtime.js';
import type { LoadRun } from './load.js';

const UPDATE_MS = 200;

export class Progress {
  readonly #load: LoadRun;
  readonly #seconds: number;
  readonly #bar: SingleBar | undefined;
  #timer: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #messagesBefore = 0;
  #updatedAt = 0;

  constructor(load: LoadRun, seconds: number, wanted: boolean) {
    this.#load = load;
    this.#seconds = seconds;
    if (wanted && process.stderr.isTTY) {
      const format = '{bar} {percentage} % | {rate} messages/s | {left} s left';
      this.#bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true, barsize: 30 });
    }
  }

  start(): void {
    if (this.#bar !== undefined) {
      this.#startedAt = performanceNow();
      this.#updatedAt = this.#startedAt;
      this.#bar.start(100, 0, { rate: 0, left: Math.ceil(this.#seconds) });
      this.#timer = setInterval(() => this.#update(), UPDATE_MS);
    }
  }

  #update(): void {
    const now = performanceNow();
    const seconds = (now - this.#startedAt) / 1000;
    const rate = ((this.#load.messages - this.#messagesBefore) * 1000) / (now - this.#updatedAt);
    this.#messagesBefore = this.#load.messages;
    this.#updatedAt = now;
    this.#bar?.update(Math.min(100, Math.round((seconds / this.#seconds) * 100)), {
      rate: Math.round(rate).toLocaleString('en'),
      left: Math.max(0, Math.ceil(this.#seconds - seconds)),
    });
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#bar?.stop();
  }
}
