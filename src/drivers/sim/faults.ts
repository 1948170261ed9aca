/** What may go wrong in a simulated network. Everything is off unless told. */

import { outOfRange } from '../../base/argument-errors.js';
import type { Range } from './random.js';

/** Rates are from 0, never, to 1, always; ranges of time are in ms. */
export interface SimFaults {
  /** A receive takes fewer bytes than are there. */
  readonly shortReceives: number;
  /** A send takes fewer bytes than there is room for. */
  readonly shortSends: number;
  /** A completion is dequeued before completions of other operations that ended earlier. */
  readonly reorderedCompletions: number;
  /** A connection breaks when a send is taken: both ends are reset. */
  readonly resets: number;
  /** A connect is refused though somebody listens. */
  readonly refusedConnects: number;
  /** A connect is lost: it ends after `userTimeoutMs` or 130 s, with ETIMEDOUT. */
  readonly lostConnects: number;
  /** A receive ends with ENOBUFS though buffers are free. */
  readonly noBuffers: number;
  /** An accept or a multishot receive completes and says that it is over, though nothing is wrong. */
  readonly endedMultishots: number;
  /** From a send until its bytes arrive; also of the end of a stream, and of a reset. */
  readonly deliveryDelayMs: Range;
  /** From a connect until the listener, or nobody, is found. */
  readonly connectDelayMs: Range;
  /** From the poll that hands an operation over until it is first tried: that is when bytes of a send are read. */
  readonly operationDelayMs: Range;
  /** From the end of an operation until its completion can be dequeued. */
  readonly completionDelayMs: Range;
  /** From a cancel until it has an effect: the operation may end by itself meanwhile. */
  readonly cancelDelayMs: Range;
  /** Sockets of all ports that may be open: beyond it accept and create fail with EMFILE. */
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

/** Rates of what makes an operation come again: at 1 it would for ever. */
const BELOW_ONE: ReadonlySet<string> = new Set(['noBuffers']);

/** The faults that are told, and none else. @throws RangeError `ERR_OUT_OF_RANGE` */
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

/** What a fault may be, if `value` is not one of these. */
function expectedInstead(name: keyof SimFaults, value: number | Range): string | undefined {
  if (typeof NO_FAULTS[name] === 'object') {
    const [least, most] = value as Range;
    return least >= 0 && most >= least && most < Infinity ? undefined : 'two times in ms, the least and the most';
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
