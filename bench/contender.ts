/** A contender: a way to serve, whose server is started in a role; or a way to run the programs of users. */

import type { Part } from './servers/roles.js';

export interface Contender {
  /** As the command line knows it. */
  readonly name: string;
  /** As the report names it. */
  readonly title: string;
  readonly roles: readonly Part[];
  /** Measured only when it is chosen by name. */
  readonly aside?: boolean;
  /** It reports its memory in use: see `Target.inUseFile`. */
  readonly collects?: boolean;
  /** The started process is not the one that serves, so its time and memory mean nothing. */
  readonly remote?: boolean;
  /** Fetches or builds the server. */
  prepare(): Presence;
  /** The command of its server, or of a program, which prints its port first. */
  command(role: Part): readonly string[];
}

/** The contenders that show the most, by their names: those of runs that have no time for all. */
export const MAIN_CONTENDERS = ['engine:io_uring', 'engine:epoll', 'net', 'bun', 'c:epoll', 'c:io_uring'] as const;

/** The contender that servers over TLS are compared with, and the one in C. */
export const NODE_TLS = 'tls';
export const C_TLS = 'c:tls';

/** The contender that unchanged programs of users are compared with. */
export const STOCK_NODE = 'node';

/** The drivers that are put under unchanged programs. */
export const PRELOADED_DRIVERS = ['io_uring', 'epoll'] as const;

/** The contender that has overlapped under an unchanged program. */
export const preloadOf = (driver: string): string => `preload:${driver}`;

/** The version that was found, or why it cannot run here and how to change that. */
export type Presence = { readonly version: string } | { readonly missing: string };
