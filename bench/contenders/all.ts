/** All contenders, in the order in which the report names them; and how one of one's own is added. */

import type { Contender } from '../contender.js';
import { PROGRAMS, ROLES, TLS_ROLES } from '../servers/roles.js';
import { NATIVE } from './native.js';
import { NET, TLS } from './node.js';
import { OVERLAPPED } from './overlapped.js';
import { PROGRAM_CONTENDERS } from './programs.js';
import { RUNTIMES } from './runtimes.js';
import { WINE } from './wine.js';

export const CONTENDERS: readonly Contender[] = [
  ...OVERLAPPED,
  NET,
  TLS,
  ...RUNTIMES,
  ...NATIVE,
  ...WINE,
  ...PROGRAM_CONTENDERS,
];

/** Contenders by their names, or `NAME=COMMAND`: the command gets the role as its last word, and prints its port. */
export function chosenContenders(words: readonly string[] | undefined): readonly Contender[] {
  if (words === undefined) {
    return CONTENDERS.filter(({ aside }) => aside !== true);
  }
  const twice = words.map(nameOf).find((name, index, names) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new Error(
      `Cannot tell contenders apart: ${twice} is there twice; the same command under two names is NAME=COMMAND`,
    );
  }
  return words.map(contenderOf);
}

const nameOf = (word: string): string => word.split('=', 1)[0] as string;

function contenderOf(word: string): Contender {
  const equals = word.indexOf('=');
  if (equals > 0) {
    const name = word.slice(0, equals);
    const command = word.slice(equals + 1).split(' ');
    return {
      name,
      title: name,
      roles: [...ROLES, ...TLS_ROLES, ...PROGRAMS],
      prepare: () => ({ version: '' }),
      command: (role) => [...command, role],
    };
  }
  const found = CONTENDERS.find(({ name }) => name === word);
  if (found === undefined) {
    const names = CONTENDERS.map(({ name }) => name).join(', ');
    throw new Error(`Cannot choose a contender: found ${word}, wanted NAME=COMMAND or one of ${names}`);
  }
  return found;
}
