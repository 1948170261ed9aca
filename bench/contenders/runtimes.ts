/** Bun and Deno: each from its npm package, kept in .cache/bench. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender, Presence } from '../contender.js';
import { CACHE, source } from '../places.js';
import { ROLES } from '../servers/roles.js';
import { firstLine, runTool } from './tools.js';

interface Package {
  readonly name: string;
  readonly version: string;
  /** Its program, within the package. */
  readonly program: string;
}

/** Bun's packages have another word for Node's arm64. */
const BUN_ARCH = process.arch === 'arm64' ? 'aarch64' : process.arch;
const BUN: Package = { name: `@oven/bun-${process.platform}-${BUN_ARCH}`, version: '1.4.5', program: 'bin/bun' };
const DENO: Package = { name: `@deno/${process.platform}-${process.arch}-glibc`, version: '2.9.6', program: 'deno' };

const folderOf = ({ name, version }: Package): string => join(CACHE, 'npm', `${name.replace('/', '-')}-${version}`);
const pathOf = (found: Package): string => join(folderOf(found), 'node_modules', found.name, found.program);

function prepare(wanted: Package): Presence {
  const path = pathOf(wanted);
  if (!existsSync(path)) {
    const spec = `${wanted.name}@${wanted.version}`;
    const quietly = [
      '--no-save',
      '--no-package-lock',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ];
    const { done, output } = runTool('npm', ['install', '--prefix', folderOf(wanted), ...quietly, spec]);
    if (!done || !existsSync(path)) {
      return { missing: `npm cannot install ${spec}: ${firstLine(output)}` };
    }
  }
  const { done, output } = runTool(path, ['--version']);
  return done ? { version: firstLine(output).replace(/^deno (\S+).*/, '$1') } : { missing: firstLine(output) };
}

export const RUNTIMES: readonly Contender[] = [
  {
    name: 'bun',
    title: 'Bun',
    roles: ROLES,
    collects: true,
    prepare: () => prepare(BUN),
    command: (role) => [pathOf(BUN), source('servers/bun.js'), role],
  },
  {
    name: 'deno',
    title: 'Deno',
    roles: ['echo', 'sink', 'source', 'proxy'],
    collects: true,
    prepare: () => prepare(DENO),
    command: (role, idle) => [
      pathOf(DENO),
      'run',
      '--quiet',
      '--no-config',
      '--allow-net',
      ...(idle ? ['--v8-flags=--expose-gc'] : []),
      source('servers/deno.js'),
      role,
    ],
  },
];
