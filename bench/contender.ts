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
  /** It reports its memory in use: see `Target.inUseFile`. */
  readonly collects?: boolean;
  /** The started process is not the one that serves, so its time and memory mean nothing. */
  readonly remote?: boolean;
  /** Fetches or builds the server. */
  prepare(): Presence;
  /** The command of its server, which prints its port first. */
  command(role: Role): readonly string[];
}

/** The version that was found, or why it cannot run here and how to change that. */
export type Presence = { readonly version: string } | { readonly missing: string };
