/** "Did you mean": the known name that is most like one that a program has misspelt. */

/** Names are short; a longer one is not compared, as the work grows with the square of the length. */
const LENGTH_MAX = 64;

/** A name is like another one if at most this share of its characters differs. */
const DIFFERENT_SHARE = 1 / 3;

/** A name that begins another one is like it, however long that is, from this length on. */
const PREFIX_LENGTH_MIN = 4;

/** Insertions, deletions, replacements and swaps of neighbours that make one text of another (optimal string alignment). */
export function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const next = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (last[column - 1] as number) + (from[row - 1] === to[column - 1] ? 0 : 1);
      let least = Math.min(replaced, (last[column] as number) + 1, (next[column - 1] as number) + 1);
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        least = Math.min(least, (before[column - 2] as number) + 1);
      }
      next.push(least);
    }
    before = last;
    last = next;
  }
  return last[to.length] as number;
}

/**
 * The valid name that a misspelt one may have meant.
 * @param known what each name that a program may have had in mind is called now; a name that is right maps to itself
 */
export function suggestionFor(name: string, known: ReadonlyMap<string, string>): string | undefined {
  if (name.length > LENGTH_MAX) {
    return undefined;
  }
  const wanted = name.toLowerCase();
  let suggestion: string | undefined;
  let leastDistance = Infinity;
  for (const [candidate, meant] of known) {
    const text = candidate.toLowerCase();
    const prefix = wanted.length >= PREFIX_LENGTH_MIN && text.startsWith(wanted);
    const distance = prefix ? Math.min(1, text.length - wanted.length) : editDistance(wanted, text);
    if (distance < leastDistance && distance <= DIFFERENT_SHARE * Math.max(wanted.length, text.length)) {
      suggestion = meant;
      leastDistance = distance;
    }
  }
  return suggestion;
}
