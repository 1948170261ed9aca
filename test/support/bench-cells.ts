/** Samples and cells of the benchmark suite with chosen figures, for the tests of its reports. */

import type { Sample } from '../../bench/load/order.js';
import type { Cell } from '../../bench/results.js';

/** A second of messages, each of which costs the given µs in user space and in the system. */
export function sample(units: number, user: number, system: number, more: Partial<Sample> = {}): Sample {
  return {
    units,
    time: 1e6,
    cpu: { user: units * user, system: units * system },
    loadCpu: 5e5,
    othersCpu: 0,
    residentBytes: 5e7,
    ...more,
  };
}

export const cell = (contender: string, scenario: string, ...samples: readonly Sample[]): Cell => ({
  scenario,
  contender,
  samples,
});
