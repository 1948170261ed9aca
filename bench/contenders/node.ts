/** node:net, and how programs are run on this Node. */

import type { Contender, Presence } from '../contender.js';
import { built } from '../paths.js';
import { ROLES } from '../servers/roles.js';

export const nodeCommand = (...words: readonly string[]): readonly string[] => [process.execPath, ...words];

export const nodeVersion = (): Presence => ({ version: `Node ${process.versions.node}` });

export const NET: Contender = {
  name: 'net',
  title: 'node:net',
  roles: ROLES,
  collects: true,
  prepare: nodeVersion,
  command: (role) => nodeCommand(built('servers/net.js'), role),
};
