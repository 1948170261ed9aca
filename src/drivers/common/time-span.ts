/** Time spans as systems take them, seconds and the rest. Rounded up: a wait may last longer than asked, not shorter. */

/** The longest span that is written out, in ms: nearly 25 days, as with Node's timers. */
const SPAN_MS_MAX = 2 ** 31 - 1;

/** The whole seconds of a span. */
export function secondsOf(spanMs: number): number {
  return Math.floor(Math.min(spanMs, SPAN_MS_MAX) / 1000);
}

/** What is beyond the whole seconds, in units of which a second has `unitsPerSecond`. */
export function restOf(spanMs: number, unitsPerSecond: number): number {
  const restMs = Math.min(spanMs, SPAN_MS_MAX) - 1000 * secondsOf(spanMs);
  return Math.min(unitsPerSecond - 1, Math.ceil((restMs * unitsPerSecond) / 1000));
}
