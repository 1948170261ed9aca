/** The samples of a run, from which the report is made. */

import type { Sample } from './load/order.js';

/** A contender in a scenario. */
export interface Cell {
  readonly scenario: string;
  readonly contender: string;
  /** One for each round, so that ratios are of measurements that followed each other; empty if one has failed. */
  readonly samples: readonly Sample[];
  /** Why there are no samples. */
  readonly failure?: string;
}

export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryBytes: number;
  readonly kernel: string;
}

/** A run's scenarios: those of the suite, or those of the option with that name. */
export type RunKind = 'suite' | 'growth' | 'programs' | 'tls';

export interface Results {
  readonly date: string;
  /** The command that was typed. */
  readonly command: string;
  /** Every scenario and contender, for as long as is usual. */
  readonly whole: boolean;
  /** It has come to its end. */
  readonly finished: boolean;
  /** The version of overlapped, the commit, and whether files differ from it. */
  readonly subject: string;
  /** The Node of the suite, of its load and of the servers on Node. */
  readonly node: string;
  /** The driver that the load runs on. */
  readonly loadDriver: string;
  readonly machine: Machine;
  readonly kind: RunKind;
  readonly quick: boolean;
  readonly rounds: number;
  /** Warm-up of a server that has just been started, and in each round. */
  readonly firstWarmUpMs: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly minutes: number;
  readonly contenders: readonly Found[];
  readonly cells: readonly Cell[];
}

export function failuresOf({ cells }: Results): readonly Cell[] {
  return cells.filter(({ failure }) => failure !== undefined);
}

/** A contender, and whether it was found. */
export interface Found {
  readonly name: string;
  readonly title: string;
  readonly version?: string;
  readonly missing?: string;
  /** Windows' programs are in scenarios of their own. */
  readonly remote?: boolean;
}
