/** The effect that `overlapped/register` would have in a process with this environment. */

import {
  chosenDrivers,
  DRIVER_VARIABLE,
  driverChoice,
  isSwitchedOff,
  OFF,
  SWITCH_VARIABLE,
  whyNodeIsChosen,
} from '../../net/variables.js';
import { MOVES, STAYS } from '../../register/outcome.js';
import type { DriverCheck } from './driver-check.js';

export interface RegisterOutlook {
  /** The driver that sockets of `node:net` would be on; null if they would be Node's own. */
  readonly driver: string | null;
  /** Why they would be Node's own. */
  readonly reason?: string;
  /** The parts of Node that move to the driver. */
  readonly moves: readonly string[];
  /** The parts that stay Node's own, each with the reason. */
  readonly stays: Readonly<Record<string, string>>;
}

export function outlookOf(drivers: readonly DriverCheck[]): RegisterOutlook {
  if (isSwitchedOff()) {
    return nothing(`${SWITCH_VARIABLE}=${OFF}`);
  }
  const chosen = whyNodeIsChosen();
  if (chosen !== undefined) {
    return nothing(`${DRIVER_VARIABLE}=${driverChoice()}: ${chosen}`);
  }
  const wanted = chosenDrivers(drivers);
  const usable = wanted.find((driver) => driver.usable);
  if (usable !== undefined) {
    return { driver: usable.name, moves: MOVES, stays: STAYS };
  }
  const choice = driverChoice();
  if (choice === 'auto') {
    return nothing('no driver of the system works here');
  }
  const [refused] = wanted;
  const reason = refused === undefined ? 'there is no such driver' : `not usable: ${refused.reason}`;
  return nothing(`${DRIVER_VARIABLE}=${choice}: ${reason}`);
}

function nothing(reason: string): RegisterOutlook {
  return { driver: null, reason, moves: [], stays: {} };
}
