/** Bun and Deno: each from its npm package, pinned in bench/runtimes and kept in .cache/bench. */

import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender, Presence } from '../contender.js';
import { CACHE, source } from '../paths.js';
import { pathOfProgram } from '../servers/programs.js';
import { isProgram, PROGRAMS, ROLES, TLS_ROLES } from '../servers/roles.js';
import { firstLine, runTool } from './tools.js';

interface Package {
  /**
   * Its folder in bench/runtimes: a package.json with the exact version, and the lock file by which npm checks the
   * download.
   */
  readonly pins: string;
  readonly name: string;
  /** Its program, within the package. */
  readonly program: string;
}

const PIN_FILES = ['package.json', 'package-lock.json'];

/** Bun's packages have another word for Node's arm64. */
const BUN_ARCH = process.arch === 'arm64' ? 'aarch64' : process.arch;
const BUN: Package = { pins: 'bun', name: `@oven/bun-${process.platform}-${BUN_ARCH}`, program: 'bin/bun' };
const DENO: Package = { pins: 'deno', name: `@deno/${process.platform}-${process.arch}-glibc`, program: 'deno' };

const pinOf = ({ pins }: Package, file: string): string => source(`runtimes/${pins}/${file}`);

/** A folder for each version. */
function folderOf(wanted: Package): string {
  const { optionalDependencies } = JSON.parse(readFileSync(pinOf(wanted, 'package.json'), 'utf8'));
  return join(CACHE, 'npm', `${wanted.pins}-${optionalDependencies[wanted.name]}`);
}

const pathOf = (found: Package): string => join(folderOf(found), 'node_modules', found.name, found.program);

function prepare(wanted: Package): Presence {
  const path = pathOf(wanted);
  if (!existsSync(path)) {
    const folder = folderOf(wanted);
    mkdirSync(folder, { recursive: true });
    for (const file of PIN_FILES) {
      copyFileSync(pinOf(wanted, file), join(folder, file));
    }
    const quietly = ['--include=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    const { done, output } = runTool('npm', ['ci', '--prefix', folder, ...quietly]);
    if (!done || !existsSync(path)) {
      return { missing: `npm cannot install ${wanted.name}: ${firstLine(output)}` };
    }
  }
  const { done, output } = runTool(path, ['--version']);
  return done ? { version: firstLine(output).replace(/^deno (\S+).*/, '$1') } : { missing: firstLine(output) };
}

/** A runtime for the tests: the path of its program, or why it cannot be had. */
export function runtimeFor(name: 'bun' | 'deno'): { readonly path: string } | { readonly missing: string } {
  const wanted = name === 'bun' ? BUN : DENO;
  const presence = prepare(wanted);
  return 'missing' in presence ? presence : { path: pathOf(wanted) };
}

export const RUNTIMES: readonly Contender[] = [
  {
    name: 'bun',
    title: 'Bun',
    roles: [...ROLES, ...TLS_ROLES, ...PROGRAMS],
    collects: true,
    prepare: () => prepare(BUN),
    command: (role) =>
      isProgram(role) ? [pathOf(BUN), pathOfProgram(role)] : [pathOf(BUN), source('servers/bun.js'), role],
  },
  {
    name: 'deno',
    title: 'Deno',
    roles: ['echo', 'sink', 'source', 'proxy'],
    collects: true,
    prepare: () => prepare(DENO),
    command: (role) => [
      pathOf(DENO),
      'run',
      '--quiet',
      '--no-config',
      '--allow-net',
      '--allow-env=IN_USE_FILE',
      '--allow-read',
      '--allow-write',
      '--v8-flags=--expose-gc',
      source('servers/deno.js'),
      role,
    ],
  },
];
