/** Rules for texts and installs that a linter does not check. */

import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { describe, test } from 'node:test';
import { codeOf, FILES, read, SOURCES } from '../support/project.js';

/** Written in pieces, so that this file is not found. */
const LEFTOVERS = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK', 'WI' + 'P'].join('|')})\\b`);

const LOCK_FILES = FILES.filter((path) => posix.basename(path) === 'package.json').map((path) =>
  path.replace(/package\.json$/, 'package-lock.json'),
);

/** A phrase that readers stumble over, in pieces as well: a default is `by default`. */
const DIALECT = new RegExp(`un${'less'} told`);

const TEXTS = FILES.filter((path) => /\.(?:c?js|mjs|ts|json|md|sh|ya?ml)$|^\.ci\//.test(path));

describe('texts and lock files', () => {
  test('no marker of unfinished work is left', () => {
    assert(TEXTS.length > SOURCES.length);
    assert.deepEqual(
      TEXTS.filter((path) => LEFTOVERS.test(read(path))),
      [],
    );
  });

  test('defaults are called defaults', () => {
    assert.deepEqual(
      TEXTS.filter((path) => DIALECT.test(read(path))),
      [],
    );
  });

  test('each page has one title', () => {
    const pages = FILES.filter((path) => path.endsWith('.md'));
    assert(pages.includes('CHANGELOG.md'));
    const titles = pages.map((path) => ({ path, titles: titlesOf(read(path)) }));
    assert.deepEqual(
      titles.filter((page) => page.titles.length !== 1),
      [],
    );
  });

  test('each lock file has a hash for each package, and names no registry', () => {
    assert(LOCK_FILES.includes('package-lock.json') && LOCK_FILES.includes('scripts/nodes/22/package-lock.json'));
    for (const path of LOCK_FILES) {
      assert.doesNotMatch(read(path), /"resolved"|https?:\/\/registry/, path);
      const { '': _, ...packages } = JSON.parse(read(path)).packages as Record<string, { integrity?: string }>;
      const unchecked = Object.keys(packages).filter((name) => !packages[name]?.integrity?.startsWith('sha512-'));
      assert.deepEqual(unchecked, [], path);
    }
  });

  test('each package.json has exact versions, and its lock file has the same', () => {
    for (const path of LOCK_FILES) {
      const { packages } = JSON.parse(read(path)) as LockFile;
      const pins = JSON.parse(read(path.replace('package-lock.json', 'package.json'))) as Dependencies;
      const wanted = { ...pins.dependencies, ...pins.devDependencies, ...pins.optionalDependencies };
      const locked = Object.keys(wanted).map((name) => [name, packages[`node_modules/${name}`]?.version]);
      assert.deepEqual(wanted, Object.fromEntries(locked), path);
    }
  });

  test('npm installs only from lock files', () => {
    const programs = FILES.filter((path) => /^(?:scripts|bench)\/.*\.[jt]s$|^\.ci\//.test(path));
    assert(programs.length > 0);
    const free = /--no-package-lock|\[\s*'(?:install|i|exec)'|\bnpx\b|\bnpm (?:install|i|add|exec)\b/;
    assert.deepEqual(
      programs.filter((path) => free.test(codeOf(path))),
      [],
    );
  });

  test("koffi and its binary for Windows' Node are of one version", () => {
    const [ours, windows] = ['package.json', 'scripts/windows/package.json'].map((path) => JSON.parse(read(path)));
    assert.equal(windows.dependencies['@koromix/koffi-win32-x64'], ours.dependencies.koffi);
  });
});

interface Dependencies {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>;
}

function titlesOf(page: string): string[] {
  const prose = page.replace(/^(```+|~~~+).*\n[\s\S]*?^\1\s*$/gm, '');
  return prose.split('\n').filter((line) => /^# /.test(line));
}
