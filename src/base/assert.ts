/**
 * Assertions for broken invariants, cheap enough for every message: node:assert's own collects its arguments anew at
 * each call, which the optimizer does not take away (ten of them cost as much as a third of a microsecond).
 */

import { AssertionError } from 'node:assert/strict';

/** @throws AssertionError when the condition does not hold: the program is wrong, not its surroundings */
export function assert(condition: boolean, message = 'An invariant of overlapped is broken'): asserts condition {
  if (!condition) {
    fail(message);
  }
}

function fail(message: string): never {
  throw new AssertionError({ message, stackStartFn: assert });
}
