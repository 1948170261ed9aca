/** The faults of a simulated network. All are off by default. */

import { outOfRange } from '../../base/argument-errors.js';
import type { Range } from './random.js';

/** Rates are from 0 (never) to 1 (always); ranges of time are in ms. */
export interface SimFaults {
  /** Rate at which a receive takes fewer bytes than are there. */
  readonly shortReceives: number;
  /** Rate at which a send takes fewer bytes than there is room for. */
  readonly shortSends: number;
  /** Rate at which a completion overtakes earlier completions of other operations. */
  readonly reorderedCompletions: number;
  /** Rate at which a send resets both ends of its connection. */
  readonly resets: number;
  /** Rate at which a connect is refused although there is a listener. */
  readonly refusedConnects: number;
  /** Rate at which a connect is lost: it ends with ETIMEDOUT after `userTimeoutMs` or 130 s. */
  readonly lostConnects: number;
  /** Rate at which a receive ends with ENOBUFS although buffers are free. Below 1. */
  readonly noBuffers: number;
  /** Rate at which a completion of an accept or of a multishot receive is its last, although nothing is wrong. */
  readonly endedMultishots: number;
  /** Delay from a send to the arrival of its bytes; also for the end of a stream and for a reset. */
  readonly deliveryDelayMs: Range;
  /** Delay from a connect to the search for its listener. */
  readonly connectDelayMs: Range;
  /** Delay from the poll that submits an operation to its first try, which reads the bytes of a send. */
  readonly operationDelayMs: Range;
  /** Delay from the end of an operation to its completion. */
  readonly completionDelayMs: Range;
  /** Delay from a cancel to its effect. The operation may end by itself in between. */
  readonly cancelDelayMs: Range;
  /** Maximum open sockets of all ports. Above it accept and create fail with EMFILE. */
  readonly socketsMax: number;
}

export const NO_FAULTS: SimFaults = {
  shortReceives: 0,
  shortSends: 0,
  reorderedCompletions: 0,
  resets: 0,
  refusedConnects: 0,
  lostConnects: 0,
  noBuffers: 0,
  endedMultishots: 0,
  deliveryDelayMs: [0, 0],
  connectDelayMs: [0, 0],
  operationDelayMs: [0, 0],
  completionDelayMs: [0, 0],
  cancelDelayMs: [0, 0],
  socketsMax: Infinity,
};

/** Rates that must be below 1, because the operation is repeated after the fault. */
const BELOW_ONE: ReadonlySet<string> = new Set(['noBuffers']);

/** Checks faults, and adds the defaults of the others. @throws RangeError `ERR_OUT_OF_RANGE` */
export function checkFaults(faults: Partial<SimFaults>): SimFaults {
  const checked = { ...NO_FAULTS, ...faults };
  for (const [name, value] of Object.entries(checked) as [keyof SimFaults, number | Range][]) {
    const expected = NO_FAULTS[name] === undefined ? 'one of the faults' : expectedInstead(name, value);
    if (expected !== undefined) {
      throw outOfRange(name, expected, value);
    }
  }
  return checked;
}

/** Returns what is expected instead of `value`; undefined if it is valid. */
function expectedInstead(name: keyof SimFaults, value: number | Range): string | undefined {
  if (typeof NO_FAULTS[name] === 'object') {
    const [least, most] = value as Range;
    return least >= 0 && most >= least && most < Infinity ? undefined : 'two times in ms, the minimum and the maximum';
  }
  const number = value as number;
  if (name === 'socketsMax') {
    return number >= 0 ? undefined : '0 or more';
  }
  const comesAgain = BELOW_ONE.has(name);
  return number >= 0 && (comesAgain ? number < 1 : number <= 1)
    ? undefined
    : `a rate from 0 to 1${comesAgain ? ', below 1' : ''}`;
}
