/** Ways to run the programs of users on this Node: as they are, and with `overlapped/register`. */

import { join } from 'node:path';
import { type Contender, PRELOADED_DRIVERS, type Presence, preloadOf, STOCK_NODE } from '../contender.js';
import { ROOT } from '../paths.js';
import { pathOfProgram, preparePrograms } from '../servers/programs.js';
import { type Part, PROGRAMS, type Program } from '../servers/roles.js';
import { nodeCommand, nodeVersion } from './node.js';
import { presenceOf } from './overlapped.js';

/** The file that `overlapped/register` is. */
const REGISTER = join(ROOT, 'dist/lib/register.js');

function prepare(driver?: string): Presence {
  const presence = driver === undefined ? nodeVersion() : presenceOf(driver);
  if ('missing' in presence) {
    return presence;
  }
  try {
    preparePrograms();
    return presence;
  } catch (error) {
    return { missing: (error as Error).message.split('\n', 1)[0] ?? '' };
  }
}

const commandOf = (program: Part, ...options: readonly string[]): readonly string[] =>
  nodeCommand(...options, pathOfProgram(program as Program));

function preloaded(driver: string): Contender {
  return {
    name: preloadOf(driver),
    title: `overlapped under the program, ${driver}`,
    roles: PROGRAMS,
    aside: true,
    prepare: () => prepare(driver),
    command: (program) => ['env', `OVERLAPPED_DRIVER=${driver}`, ...commandOf(program, '--import', REGISTER)],
  };
}

export const PROGRAM_CONTENDERS: readonly Contender[] = [
  {
    name: STOCK_NODE,
    title: 'stock Node',
    roles: PROGRAMS,
    aside: true,
    prepare: () => prepare(),
    command: (program) => commandOf(program),
  },
  ...PRELOADED_DRIVERS.map(preloaded),
];
