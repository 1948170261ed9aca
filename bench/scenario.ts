/** A scenario: the work of all contenders, and the unit that is counted. */

import type { Work } from './load/order.js';
import type { Role } from './servers/roles.js';

export const UNITS = ['message', 'byte', 'connection', 'delivery', 'idle connection'] as const;

export type Unit = (typeof UNITS)[number];

export interface Scenario {
  readonly name: string;
  readonly role: Role;
  readonly unit: Unit;
  /** Its title in the report; with `quick` there are fewer connections. */
  title(quick: boolean): string;
  /** The work of the load. */
  work(quick: boolean): Work;
  /** Where it takes long to set up and varies little, fewer rounds do. */
  readonly roundsMax?: number;
  /** So little happens in a second that JIT compilers need longer to find the hot code. */
  readonly warmsUpSlowly?: boolean;
  /** So many contenders at one time: where they only wait, for long, they do not disturb each other. */
  readonly sideBySide?: number;
  /** One process may be lucky for as long as it lives: in the second half of the rounds each server is another. */
  readonly renews?: boolean;
  /** The works of a server's first warm-up, which share its time; the measured one if there are none. */
  warmUpWorks?(quick: boolean): readonly Work[];
  /** The shortest measurement in which enough happens, in ms. */
  measureMsMin?(quick: boolean): number;
  /**
   * The server has half of its processor, and a program that only computes has the other half: a connection costs the
   * load as much as the server, so otherwise the load would be the limit.
   */
  readonly sharesProcessor?: boolean;
  /** The names of the contenders that are measured in it, unless contenders are chosen by name. */
  readonly contenders?: readonly string[];
  /** A quick run has others like it. */
  readonly notQuick?: boolean;
  /** The server has little to do: the report compares latencies too, and the engine on each driver. */
  readonly lightLoad?: boolean;
  /** For Windows' programs in Wine instead of Linux' own. */
  readonly wine?: boolean;
}

/** Whether a contender has the machine to itself: in Wine its own server, which does most of the work, is a process beside. */
export const isAlone = ({ sideBySide, wine }: Scenario): boolean => sideBySide === undefined && wine !== true;
