/** The public classes show what programs use, and keep the rest elsewhere. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { read, SOURCES } from '../support/project.js';

/** The files that programs import. */
const ENTRIES = ['src/index.ts', 'src/port.ts', 'src/framing.ts', 'src/sim.ts'];

/** `@internal` members may outnumber the public ones by this factor at the most. */
const INTERNAL_MAX = 4 / 3;

const MEMBER =
  /^ {2}(?:(?:static|readonly|get|set|async|override|abstract|declare|protected) )*(#?\w+|\[[\w.]+\])\s*[(:=;<?!]/;

interface ClassMembers {
  readonly parent: string | undefined;
  readonly shown: ReadonlySet<string>;
  readonly internal: ReadonlySet<string>;
}

/** The members of each class in a text, by its name. The formatter's indentation says what is a member. */
function classesIn(text: string): Map<string, ClassMembers> {
  const classes = new Map<string, ClassMembers>();
  const pattern = /^(?:export )?(?:abstract )?class (\w+)(?:<.*?>)?(?: extends (\w+))?[^\n]*\{\n([\s\S]*?)^\}$/gm;
  for (const [, name = '', parent, body = ''] of text.matchAll(pattern)) {
    const shown = new Set<string>();
    const internal = new Set<string>();
    let comment = '';
    for (const line of body.split('\n')) {
      if (/^ {2,3}(?:\/\*\*|\*)/.test(line)) {
        comment = line.startsWith('  /**') ? line : comment + line;
        continue;
      }
      const member = MEMBER.exec(line)?.[1];
      if (member !== undefined && !member.startsWith('#') && member !== 'constructor') {
        (comment.includes('@internal') ? internal : shown).add(member);
      }
      comment = '';
    }
    classes.set(name, { parent, shown, internal });
  }
  return classes;
}

/** The numbers of public and of internal members, inherited ones included. */
function countOf(classes: ReadonlyMap<string, ClassMembers>, name: string): { shown: number; internal: number } {
  const shown = new Set<string>();
  const internal = new Set<string>();
  for (let at: string | undefined = name; at !== undefined; at = classes.get(at)?.parent) {
    const members = classes.get(at);
    members?.shown.forEach((member) => void shown.add(member));
    members?.internal.forEach((member) => void (shown.has(member) || internal.add(member)));
  }
  return { shown: shown.size, internal: internal.size };
}

describe('public classes', () => {
  const classes = new Map(SOURCES.flatMap((path) => [...classesIn(read(path))]));
  const exported = ENTRIES.flatMap((path) =>
    [...read(path).matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = '']) =>
      list.split(',').map((name) => name.replace(/\btype /, '').trim()),
    ),
  );
  const names = [...new Set(exported)].filter((name) => classes.has(name));

  test('are found in the sources', () => {
    for (const name of ['Connection', 'Server', 'ThreadedServer', 'Engine', 'CompletionPort', 'OverlappedSocket']) {
      assert(names.includes(name) && countOf(classes, name).shown > 0, name);
    }
  });

  test('have not many more internal members than public ones', () => {
    const counts = names.map((name) => ({ name, ...countOf(classes, name) }));
    assert.deepEqual(
      counts.filter(({ shown, internal }) => internal > shown * INTERNAL_MAX),
      [],
    );
  });

  test('have internal members, which are counted', () => {
    const text = [
      'export class Sample {',
      '  /** @internal */',
      '  one = 1;',
      '  /** @internal */',
      '  two(): void {}',
      '  /** Shown. */',
      '  get three(): number {',
      '    return 3;',
      '  }',
      '}',
    ].join('\n');
    assert.deepEqual(countOf(classesIn(text), 'Sample'), { shown: 1, internal: 2 });
  });
});
