/** A contender: a way to serve, whose program is started in a role. */

import type { Role } from './servers/roles.js';

export interface Contender {
  /** As the command line knows it. */
  readonly name: string;
  /** As the report names it. */
  readonly title: string;
  readonly roles: readonly Role[];
  /** Measured only when it is chosen by name. */
  readonly aside?: boolean;
  /** It collects garbage when it is sent SIGUSR2. */
  readonly collects?: boolean;
  /** The process that is started is not the one that serves, so its time and memory say nothing. */
  readonly remote?: boolean;
  /** Fetches or builds what it needs. */
  prepare(): Presence;
  /** The command of its server, which prints its port first. */
  command(role: Role, idle: boolean): readonly string[];
}

/** What was found: which version, or why it cannot run here and what to do about it. */
export type Presence = { readonly version: string } | { readonly missing: string };
