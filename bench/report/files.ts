/** Where samples and reports are kept. */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CACHE, ROOT } from '../paths.js';
import type { Results, RunKind } from '../results.js';
import { PROGRAM_SCENARIOS } from '../scenarios/programs.js';
import { growthReport } from './growth.js';
import { type ReportFile, report } from './markdown.js';
import { READMES, readmeWith } from './readme.js';
import { hasGaps } from './targets.js';

export function writeFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/**
 * The samples of an earlier run.
 * @throws Error that gives the reason
 */
export function readResults(path: string): Results {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Results;
  } catch (error) {
    throw new Error(`Cannot read samples from ${path}: ${(error as Error).message}`);
  }
}

/** Whether a report is worth to be committed: all was measured, and nothing is missing that the ratios are about. */
export function isKept(results: Results): boolean {
  return results.whole && results.finished && !hasGaps(results);
}

/** The kind of run that has made a chart. */
function kindOfChart(name: string): RunKind {
  const ofOption = (['growth', 'tls'] as const).find((kind) => name.startsWith(`${kind}-`));
  const isProgram = PROGRAM_SCENARIOS.some((scenario) => name === `${scenario.name}.svg`);
  return ofOption ?? (isProgram ? 'programs' : 'suite');
}

/** Removes the charts of scenarios that are no more. The kinds of run share a folder, and each removes only its own. */
function removeOthers(folder: string, files: readonly ReportFile[], kind: RunKind): void {
  const written = new Set(files.map(({ path }) => path));
  for (const name of readdirSync(join(folder, 'charts'))) {
    if (kindOfChart(name) === kind && !written.has(`charts/${name}`)) {
      rmSync(join(folder, 'charts', name));
    }
  }
}

/**
 * Writes the report; one that is kept where it is committed, with the part that the READMEs show.
 * @returns the page
 */
export function writeReport(results: Results, output: string | undefined): string {
  const kept = output === undefined && isKept(results);
  const folder = output ?? (kept ? join(ROOT, 'bench') : join(CACHE, 'report'));
  const { kind } = results;
  const files = kind === 'growth' ? growthReport(results) : report(results);
  for (const { path, text } of files) {
    writeFile(join(folder, path), text);
  }
  if (kept) {
    removeOthers(folder, files, kind);
  }
  if (kept && kind === 'suite') {
    for (const [name, words] of Object.entries(READMES)) {
      const path = join(ROOT, name);
      writeFile(path, readmeWith(readFileSync(path, 'utf8'), results, words));
    }
  }
  return join(folder, files[0]?.path ?? '');
}
