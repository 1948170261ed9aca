/** What a run has measured: all that the report is made from. */

import type { Sample } from './load/order.js';

/** A contender in a scenario. */
export interface Cell {
  readonly scenario: string;
  readonly contender: string;
  /** One for each round, so that ratios are of measurements that followed each other; none where one has failed. */
  readonly samples: readonly Sample[];
  /** Why there are none. */
  readonly failure?: string;
}

export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryBytes: number;
  readonly kernel: string;
}

export interface Results {
  readonly date: string;
  /** What was typed. */
  readonly command: string;
  readonly machine: Machine;
  readonly quick: boolean;
  readonly rounds: number;
  readonly measureMs: number;
  readonly minutes: number;
  readonly contenders: readonly Found[];
  readonly cells: readonly Cell[];
}

/** A contender, and what was found of it. */
export interface Found {
  readonly name: string;
  readonly title: string;
  readonly version?: string;
  readonly missing?: string;
  /** Windows' programs are in scenarios of their own. */
  readonly remote?: boolean;
}
