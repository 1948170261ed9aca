/** node:net and node:tls, and how programs are run on this Node. */

import { type Contender, NODE_TLS, type Presence } from '../contender.js';
import { built } from '../paths.js';
import { ROLES, TLS_ROLES } from '../servers/roles.js';

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

export const TLS: Contender = {
  ...NET,
  name: NODE_TLS,
  title: 'node:tls',
  roles: TLS_ROLES,
};
