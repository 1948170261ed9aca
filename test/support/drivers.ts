/** The drivers that run here. */

import { probeDrivers } from 'overlapped/port';

/** The first is that of `auto`. */
export const USABLE_DRIVERS = probeDrivers()
  .filter(({ probe }) => probe.usable)
  .map(({ name }) => name);

/** The drivers of the system: they use its calls, and watch the event loop. The driver `node` is the event loop's own net. */
export const SYSTEM_DRIVERS = USABLE_DRIVERS.filter((name) => name !== 'node');
