/** The variables of the environment that choose what `overlapped/net` and `overlapped/register` do. */

import { process } from '../base/runtime.js';

/** The variable that chooses the driver. */
export const DRIVER_VARIABLE = 'OVERLAPPED_DRIVER';

/** The variable that switches `overlapped/register` off, and the value that does. */
export const SWITCH_VARIABLE = 'OVERLAPPED';
export const OFF = 'off';

/** The driver that the program's environment names. */
export function driverChoice(): string {
  return process.env[DRIVER_VARIABLE] || 'auto';
}

/** The driver whose sockets are Node's own: there is nothing to move to it. */
const NODE_DRIVER = 'node';

/** Why the choice of the program's environment is Node's own `net`; undefined if it is another one. */
export function whyNodeIsChosen(): string | undefined {
  return driverChoice() === NODE_DRIVER ? "the driver node is Node's own net" : undefined;
}

/** The drivers, of those that there are, among which the program's environment chooses. */
export function chosenDrivers<Driver extends { readonly name: string }>(drivers: readonly Driver[]): readonly Driver[] {
  const choice = driverChoice();
  return drivers.filter(({ name }) => name !== NODE_DRIVER && (choice === 'auto' || name === choice));
}

/** Whether `overlapped/register` is to do nothing. */
export function isSwitchedOff(): boolean {
  return process.env[SWITCH_VARIABLE]?.toLowerCase() === OFF;
}
