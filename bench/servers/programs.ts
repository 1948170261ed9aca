/** The programs that run unchanged on several runtimes: sources in `programs`, as users write them. */

import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { installPrograms } from '../../test/unchanged/packages.js';
import { source } from '../paths.js';
import type { Program } from './roles.js';

let folder: string | undefined;

/** Copies the programs to the packages that they use, and installs those if needed. @returns the folder of the programs */
export function preparePrograms(): string {
  if (folder === undefined) {
    folder = join(installPrograms(), 'bench');
    cpSync(source('servers/programs'), folder, { recursive: true });
  }
  return folder;
}

/** The path of a program. */
export const pathOfProgram = (program: Program): string => join(preparePrograms(), `${program}.js`);
