/** Numbers that programs pass and that systems take as integers: out of range they would be cut to 32 bits. */

import { OperationError, textOf } from './errors.js';

export interface WholeRange {
  readonly least: number;
  readonly most: number;
  readonly step?: number;
}

/** What systems take: an int. */
export const INT_MAX = 2 ** 31 - 1;

/** @throws OperationError `ERR_OUT_OF_RANGE` */
export function checkWhole(name: string, value: unknown, range: WholeRange, syscall: string): void {
  const { least, most, step = 1 } = range;
  if (
    !Number.isInteger(value) ||
    (value as number) < least ||
    (value as number) > most ||
    (value as number) % step !== 0
  ) {
    const steps = step === 1 ? '' : ` in steps of ${step}`;
    throw new OperationError({
      code: 'ERR_OUT_OF_RANGE',
      reason: `${name}: expected a whole number from ${least} to ${most}${steps}, got ${textOf(value)}`,
      syscall,
    });
  }
}
