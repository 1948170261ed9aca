/** Whether a driver runs here: without one, `overlapped/net` is Node's own `net`. */

import { probeDrivers } from '../drivers/choose.js';
import { requireNetwork } from '../drivers/common/permission.js';
import { chosenDrivers, driverChoice, whyNodeIsChosen } from './variables.js';

/** The driver that runs here, or why none does, or not the one that `OVERLAPPED_DRIVER` names. */
export type Availability = { readonly driver: string } | { readonly driver?: never; readonly reason: string };

export function availability(): Availability {
  try {
    requireNetwork();
  } catch (error) {
    return { reason: (error as Error).message };
  }
  const chosen = whyNodeIsChosen();
  if (chosen !== undefined) {
    return { reason: chosen };
  }
  const wanted = chosenDrivers(probeDrivers());
  if (wanted.length === 0) {
    return { reason: `there is no driver ${driverChoice()}` };
  }
  const refusals: string[] = [];
  for (const { name, probe } of wanted) {
    if (probe.usable) {
      return { driver: name };
    }
    refusals.push(`${name}: ${probe.reason}`);
  }
  // One reason for all of them, with its advice.
  const [first] = wanted.flatMap(({ probe }) => (probe.usable ? [] : [probe]));
  if (first !== undefined && wanted.filter(({ probe }) => !probe.usable && probe.reason === first.reason).length > 1) {
    return { reason: `${first.reason}; ${first.advice}` };
  }
  return { reason: refusals.join(' / ') };
}

/** Why no driver runs, or not the one that `OVERLAPPED_DRIVER` names; undefined when one does. */
export function whyUnavailable(): string | undefined {
  const found = availability();
  return found.driver === undefined ? found.reason : undefined;
}
