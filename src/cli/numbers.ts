/** Numbers of the command line: each with the range it must be in. */

import { Failure } from './failure.js';

/** A parser of whole numbers for the option `name`. */
export function whole(name: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw new Failure(`bad ${name} ${JSON.stringify(text)}: expected a whole number from ${least} to ${most}`);
    }
    return value;
  };
}

/** A parser of numbers with a fraction for the option `name`. */
export function decimal(name: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw new Failure(`bad ${name} ${JSON.stringify(text)}: expected a number from ${least} to ${most}`);
    }
    return value;
  };
}
