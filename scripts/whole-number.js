/** A whole number as the value of an option. */

import { InvalidArgumentError } from 'commander';

/**
 * Returns a parser for commander.
 * @param {number} least
 * @param {number} most
 */
export function whole(least, most) {
  return (/** @type {string} */ text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}
