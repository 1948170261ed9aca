/** Sums of statistics. */

/** Adds the numbers of two records of the same shape, at any depth. Strings stay. */
export function sumOf<T extends object>(one: T, other: T): T {
  // A map, not assignment: names include codes of errors, which may be `__proto__`.
  const sums = new Map<string, unknown>(Object.entries(one));
  for (const [name, value] of Object.entries(other)) {
    sums.set(name, added(sums.get(name), value));
  }
  return Object.fromEntries(sums) as T;
}

function added(one: unknown, other: unknown): unknown {
  if (one === undefined) {
    return other;
  }
  if (typeof one === 'number' && typeof other === 'number') {
    return one + other;
  }
  return typeof one === 'object' && one !== null && typeof other === 'object' && other !== null
    ? sumOf(one, other)
    : one;
}

/** A record of the same shape whose numbers are 0. */
export function zeroOf<T extends object>(record: T): T {
  const zeros = Object.entries(record).map(([name, value]) => [
    name,
    typeof value === 'number' ? 0 : typeof value === 'object' && value !== null ? zeroOf(value) : value,
  ]);
  return Object.fromEntries(zeros) as T;
}
