/**
 * Splits time spans into seconds and a rest, as system calls need them. Rounded up: a wait may be longer than asked,
 * not shorter.
 */

/** Maximum span, in ms: nearly 25 days, as for Node's timers. */
const SPAN_MS_MAX = 2 ** 31 - 1;

/** The whole seconds of a span. */
export function secondsOf(spanMs: number): number {
  return Math.floor(Math.min(spanMs, SPAN_MS_MAX) / 1000);
}

/** The rest beyond the whole seconds, in units of 1 / `unitsPerSecond` seconds. */
export function restOf(spanMs: number, unitsPerSecond: number): number {
  const restMs = Math.min(spanMs, SPAN_MS_MAX) - 1000 * secondsOf(spanMs);
  return Math.min(unitsPerSecond - 1, Math.ceil((restMs * unitsPerSecond) / 1000));
}
