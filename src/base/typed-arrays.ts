/** Tables that sockets or slots index grow by copying. */

/** A longer table with the same beginning, and zeros behind it. */
export function growTyped<T extends Uint8Array | Uint16Array | Int32Array | Float64Array>(table: T, length: number): T {
  const longer = new (table.constructor as new (length: number) => T)(length);
  longer.set(table);
  return longer;
}

/** A table that has a place for `index`: the same one while it is long enough, else one at least twice as long. */
export function ensureCapacity<T extends Uint8Array | Uint16Array | Int32Array>(table: T, index: number): T {
  return index < table.length ? table : growTyped(table, Math.max(2 * table.length, index + 1));
}
