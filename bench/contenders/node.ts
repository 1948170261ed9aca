/** node:net, and how programs are run on this Node. */

import type { Contender, Presence } from '../contender.js';
import { built } from '../paths.js';
import { ROLES } from '../servers/roles.js';

/** With `idle` the program can be asked to collect garbage. */
export function nodeCommand(idle: boolean, ...words: readonly string[]): readonly string[] {
  return [process.execPath, ...(idle ? ['--expose-gc'] : []), ...words];
}

export const nodeVersion = (): Presence => ({ version: `Node ${process.versions.node}` });

export const NET: Contender = {
  name: 'net',
  title: 'node:net',
  roles: ROLES,
  collects: true,
  prepare: nodeVersion,
  command: (role, idle) => nodeCommand(idle, built('servers/net.js'), role),
};
