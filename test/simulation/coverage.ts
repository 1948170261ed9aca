/** Counts of what the simulated scenarios reached: how often each fault, close reason and error occurred. */

export type Counts = Record<string, number>;

export interface Coverage {
  seeds: number;
  /** Events of the simulated networks, and completions of operations. */
  events: number;
  bytes: number;
  readonly reasons: Counts;
  readonly errors: Counts;
  readonly faults: Counts;
  readonly completions: Counts;
  readonly roles: Counts;
  /** Anything else that should be seen to happen. */
  readonly marks: Counts;
}

export function emptyCoverage(): Coverage {
  return { seeds: 0, events: 0, bytes: 0, reasons: {}, errors: {}, faults: {}, completions: {}, roles: {}, marks: {} };
}

export function count(counts: Counts, what: string, times = 1): void {
  counts[what] = (counts[what] ?? 0) + times;
}

/** Adds what one process saw to what all did. */
export function addCoverage(all: Coverage, part: Coverage): void {
  all.seeds += part.seeds;
  all.events += part.events;
  all.bytes += part.bytes;
  for (const group of ['reasons', 'errors', 'faults', 'completions', 'roles', 'marks'] as const) {
    for (const [what, times] of Object.entries(part[group])) {
      count(all[group], what, times);
    }
  }
}
