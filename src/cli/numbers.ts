/** Numbers of the command line: each has a range. */

import { Failure } from './failure.js';

/** The numbers that an option takes. Both ends belong to the range. */
export interface NumberRange {
  readonly least: number;
  readonly most: number;
  /** Fractions are allowed. By default only whole numbers are. */
  readonly fraction?: boolean;
}

/** At most as many digits as a number holds exactly. */
const WHOLE = /^\d{1,15}$/;
const FRACTION = /^(?:\d+\.?\d*|\.\d+)$/;

/**
 * Makes a parser for the numbers of an option.
 * @param name as the user writes it, for the message
 */
export function numberIn(name: string, { least, most, fraction = false }: NumberRange): (text: string) => number {
  return (text) => {
    const value = (fraction ? FRACTION : WHOLE).test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) {
      const kind = fraction ? 'a number' : 'a whole number';
      throw new Failure(`bad ${name} ${JSON.stringify(text)}: expected ${kind} from ${least} to ${most}`);
    }
    return value;
  };
}
