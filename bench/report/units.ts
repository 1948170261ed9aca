/** How figures are written. */

import type { Metric } from '../figures.js';
import type { Unit } from '../scenarios/scenario.js';

/** The words of a scenario's unit, and how many units one of its figures is of. */
export interface UnitWords {
  readonly rate: string;
  readonly one: string;
  readonly size: number;
}

const MEGABYTE = 1e6;

export const UNIT_WORDS: Readonly<Record<Unit, UnitWords>> = {
  message: { rate: 'messages/s', one: 'message', size: 1 },
  byte: { rate: 'MB/s', one: 'MB', size: MEGABYTE },
  connection: { rate: 'connections/s', one: 'connection', size: 1 },
  delivery: { rate: 'deliveries/s', one: 'delivery', size: 1 },
  request: { rate: 'requests/s', one: 'request', size: 1 },
  command: { rate: 'commands/s', one: 'command', size: 1 },
  'idle connection': { rate: 'connections/s', one: 'connection', size: 1 },
};

/** Three ways to understand the memory for an idle connection, in bytes. */
export const IDLE_MEMORY: readonly { readonly metric: Metric; readonly head: string }[] = [
  { metric: 'inUse', head: 'bytes in use per connection' },
  { metric: 'residentSoon', head: 'resident after 1 s' },
  { metric: 'residentLate', head: 'resident after 15 s' },
];

export const NOTHING = '-';

/** Three significant digits; whole numbers from 100 on. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) {
    return NOTHING;
  }
  const decimals = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

export const twoDecimals = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : NOTHING);

export const percent = (share: number): string => (Number.isFinite(share) ? `${Math.round(share * 100)} %` : NOTHING);

export const megabytes = (bytes: number): string => digits(bytes / MEGABYTE);
