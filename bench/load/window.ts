/** The time of a measurement: after a warm-up, with the processes' own times read at both ends. */

import { busyTime, cpuTime, residentBytes } from '../measuring.js';
import { type CpuLook, cpuBetween, cpuLook } from './cpu.js';
import { Latencies } from './latencies.js';
import type { LoadOrder, Sample } from './order.js';

/** How long an answer may take, beyond the time that is measured. */
export const ANSWER_TIMEOUT_MS = 5000;

/** The processor time of a process that is not in every measurement. */
function timeOf(pid: number | undefined): number {
  const { user, system } = pid === undefined ? { user: 0, system: 0 } : cpuTime(pid);
  return user + system;
}

interface Look {
  readonly at: number;
  readonly units: number;
  readonly cpu: CpuLook;
  readonly loadCpu: number;
  readonly busy: number;
  readonly residentBytes: number;
}

export class Window {
  readonly latencies = new Latencies();
  /** Counted by the load, from its start on. */
  units = 0;
  /** The time of the batch that is being handled, in µs. */
  now = 0;
  readonly #order: LoadOrder;
  #beginsAt = Infinity;
  #endsAt = Infinity;
  #first: Look | undefined;
  #last: Look | undefined;

  constructor(order: LoadOrder) {
    this.#order = order;
  }

  /** Everything is connected: the warm-up begins. */
  open(): void {
    this.now = performance.now() * 1000;
    this.#beginsAt = this.now + this.#order.warmUpMs * 1000;
    this.#endsAt = this.#beginsAt + this.#order.measureMs * 1000;
  }

  /** Looks at the clock. */
  tick(): void {
    this.now = performance.now() * 1000;
    if (this.now >= this.#beginsAt) {
      this.#beginsAt = Infinity;
      this.latencies.clear();
      this.#first = this.#look();
    } else if (this.#first !== undefined && this.now >= this.#endsAt) {
      // A server that has not answered yet is given more time: a slow one is measured, a dead one is not waited for.
      if (this.units > this.#first.units || this.late) {
        this.#last ??= this.#look();
      }
    }
  }

  /** The time is over: messages sent from now on would not be measured. */
  get over(): boolean {
    return this.#last !== undefined;
  }

  /** Answers that are still missing have been waited for long enough. */
  get late(): boolean {
    return this.now >= this.#endsAt + ANSWER_TIMEOUT_MS * 1000;
  }

  /** Whether a time, in µs, is after the warm-up. */
  holds(at: number): boolean {
    return this.#first !== undefined && at >= this.#first.at;
  }

  #look(): Look {
    const { pid, backendPid, computingPid } = this.#order;
    const own = process.cpuUsage();
    return {
      at: this.now,
      units: this.units,
      cpu: cpuLook(pid),
      loadCpu: own.user + own.system + timeOf(backendPid),
      busy: busyTime() - timeOf(computingPid),
      residentBytes: residentBytes(pid),
    };
  }

  sample(): Sample {
    const [first, last] = [this.#first as Look, this.#last as Look];
    const units = last.units - first.units;
    if (units === 0) {
      throw new Error(`No answer: found none in ${Math.round((last.at - first.at) / 1000)} ms`);
    }
    const latency = this.latencies.summary();
    const cpu = cpuBetween(first.cpu, last.cpu);
    const loadCpu = last.loadCpu - first.loadCpu;
    return {
      units,
      time: last.at - first.at,
      cpu,
      loadCpu,
      othersCpu: Math.max(0, last.busy - first.busy - cpu.user - cpu.system - loadCpu),
      residentBytes: last.residentBytes,
      ...(latency === undefined ? {} : { latency }),
    };
  }
}
