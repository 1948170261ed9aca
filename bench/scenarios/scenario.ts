/** A scenario: the work of all contenders, and the unit that is counted. */

import type { Work } from '../load/order.js';
import type { Part } from '../servers/roles.js';

export const UNITS = ['message', 'byte', 'connection', 'delivery', 'request', 'command', 'idle connection'] as const;

export type Unit = (typeof UNITS)[number];

export interface Scenario {
  readonly name: string;
  readonly role: Part;
  readonly unit: Unit;
  /** Its title in the report; with `quick` there are fewer connections. */
  title(quick: boolean): string;
  /** The work of the load. */
  work(quick: boolean): Work;
  /** The most rounds: fewer are enough if it takes long to set up and varies little. */
  readonly roundsMax?: number;
  /** Little happens in a second, so JIT compilers need longer to find the hot code. */
  readonly warmsUpSlowly?: boolean;
  /** Contenders that are measured at the same time; 1 by default. Those that only wait, for long, do not disturb each other. */
  readonly sideBySide?: number;
  /** Each server is a new process in the second half of the rounds, as one process may be lucky for as long as it lives. */
  readonly renews?: boolean;
  /** The works of a server's first warm-up, which share its time; by default the measured work. */
  warmUpWorks?(quick: boolean): readonly Work[];
  /** The shortest measurement in which enough happens, in ms. */
  measureMsMin?(quick: boolean): number;
  /**
   * A program that only computes takes half of the server's processor: a connection costs the load as much as the server,
   * so otherwise the load would be the limit.
   */
  readonly sharesProcessor?: boolean;
  /** The names of the contenders that are measured in it, unless contenders are chosen by name. */
  readonly contenders?: readonly string[];
  /** A quick run omits it, because it resembles others. */
  readonly notQuick?: boolean;
  /** The server has little to do: the report compares latencies too, and the engine on each driver. */
  readonly lightLoad?: boolean;
  /** The server is a program of users, which stock Node runs too: the report compares with that, and CPU and latency first. */
  readonly unchanged?: boolean;
  /** Its connections are of TLS 1.3, with a certificate that the suite makes. */
  readonly tls?: boolean;
  /** It is for Windows' programs in Wine instead of Linux's own. */
  readonly wine?: boolean;
}

/** Whether a contender has the machine to itself. In Wine, Wine's own server, another process, does most of the work. */
export const isAlone = ({ sideBySide, wine }: Scenario): boolean => sideBySide === undefined && wine !== true;
