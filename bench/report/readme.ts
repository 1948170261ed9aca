/** What the README shows of a whole run: the chart and the table of what is wanted, between two marks. */

import type { Results } from '../results.js';
import { markdownTable, wantedTable, warning } from './markdown.js';
import { ours } from './wanted.js';

const BEGIN = '<!-- From here on a whole run of `npm run bench` writes. -->';
const END = '<!-- To here. -->';

function sectionOf(results: Results): string {
  const { date, machine } = results;
  return `![overlapped to the others](bench/charts/ratios.svg)

The engine on \`${ours(results)?.replace(/^engine:/, '')}\`, to each of the others, in the last whole run: ${date}, ${machine.kernel}, ${machine.processors} processors of a
shared machine, over loopback. What was wanted stands in parentheses; what is not reached is told.
${warning(results)
  .map((line) => `${line}\n`)
  .join('')}
${markdownTable(wantedTable(results))}
`;
}

/** The README with a run's section in place of the one before. @throws Error when the marks are not there */
export function readmeWith(readme: string, results: Results): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new Error('Cannot write into the README: its marks for the benchmarks are missing');
  }
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${sectionOf(results)}\n${readme.slice(end)}`;
}
