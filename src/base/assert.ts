/**
 * Assertions for broken invariants, cheap enough for every message: node:assert collects its arguments in an array at each
 * call, which the optimizer does not remove (ten calls cost a third of a microsecond).
 */

import { AssertionError } from 'node:assert/strict';

/** @throws AssertionError when the condition is false: the program is wrong, not its environment */
export function assert(condition: boolean, message = 'An invariant of overlapped is broken'): asserts condition {
  if (!condition) {
    fail(message);
  }
}

function fail(message: string): never {
  throw new AssertionError({ message, stackStartFn: assert });
}
