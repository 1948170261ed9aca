/** The time in which is measured: behind a warm-up, and with the processes' own times read at both ends. */

import { type CpuTime, cpuTime, exactCpuTime, machineCpuTime, residentBytes } from '../measuring.js';
import { Latencies } from './latencies.js';
import type { LoadOrder, Sample } from './order.js';

/** How long no answer may come, beyond the time that is measured. */
const ANSWER_TIMEOUT_MICROSECONDS = 5e6;

interface Look {
  readonly at: number;
  readonly units: number;
  readonly cpu: CpuTime;
  readonly exactCpu: number;
  readonly loadCpu: number;
  readonly machineCpu: number;
}

/** The exact time, in the parts that the system's samples of it show. */
function cpuBetween(first: Look, last: Look): CpuTime {
  const user = last.cpu.user - first.cpu.user;
  const system = last.cpu.system - first.cpu.system;
  const exact = last.exactCpu - first.exactCpu;
  const userShare = user / (user + system);
  if (!(exact > 0)) {
    return { user, system };
  }
  // So little that no sample fell into it: most of a short message's time is the system's.
  return user + system === 0
    ? { user: 0, system: exact }
    : { user: exact * userShare, system: exact * (1 - userShare) };
}

export class Window {
  readonly latencies = new Latencies();
  /** Counted by the load, from its start on. */
  units = 0;
  /** Of the batch that is being handled, in µs. */
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
      if (this.units > this.#first.units || this.now >= this.#endsAt + ANSWER_TIMEOUT_MICROSECONDS) {
        this.#last ??= this.#look();
      }
    }
  }

  get over(): boolean {
    return this.#last !== undefined;
  }

  #look(): Look {
    const { user, system } = process.cpuUsage();
    return {
      at: this.now,
      units: this.units,
      cpu: cpuTime(this.#order.pid),
      exactCpu: exactCpuTime(this.#order.pid),
      loadCpu: user + system,
      machineCpu: machineCpuTime(),
    };
  }

  sample(): Sample {
    const [first, last] = [this.#first as Look, this.#last as Look];
    const units = last.units - first.units;
    if (units === 0) {
      throw new Error(`No answer: found none in ${Math.round((last.at - first.at) / 1000)} ms`);
    }
    const latency = this.latencies.summary();
    const cpu = cpuBetween(first, last);
    const loadCpu = last.loadCpu - first.loadCpu;
    return {
      units,
      time: last.at - first.at,
      cpu,
      loadCpu,
      othersCpu: Math.max(0, last.machineCpu - first.machineCpu - cpu.user - cpu.system - loadCpu),
      residentBytes: residentBytes(this.#order.pid),
      ...(latency === undefined ? {} : { latency }),
    };
  }
}
