/**
 * Growth of the typed arrays that slots or sockets index. They are tables of one field each, because a typed array has no
 * object per slot; unlike a queue, a table keeps the index of each entry when it grows.
 */

type Column = Uint8Array | Uint16Array | Int32Array | Float64Array;

/** Copies a table into a longer one; the new entries are 0. */
export function growTyped<T extends Column>(table: T, length: number): T {
  const longer = new (table.constructor as new (length: number) => T)(length);
  longer.set(table);
  return longer;
}

/** Makes the named columns of an object longer; the new entries are 0. */
export function growColumns<Name extends string>(
  table: Record<Name, Column>,
  names: readonly Name[],
  length: number,
): void {
  for (const name of names) {
    table[name] = growTyped(table[name], length);
  }
}

/** Entries of a table, or of a part of it, are added in multiples of this. */
const GROWTH_STEP = 256;

/** The next length of a table with an entry for each connection: a quarter more. Twice as much may leave half of it unused. */
export function grownLength(length: number): number {
  return length + Math.ceil(length / 4 / GROWTH_STEP) * GROWTH_STEP;
}

/** Returns the table if it has an entry for `index`, and otherwise a copy that is at least twice as long. */
export function ensureCapacity<T extends Uint8Array | Uint16Array | Int32Array>(table: T, index: number): T {
  return index < table.length ? table : growTyped(table, Math.max(2 * table.length, index + 1));
}
