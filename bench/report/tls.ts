/** The targets over TLS: a row for each figure and each driver that overlapped may choose on Linux. */

import { C_TLS, NODE_TLS } from '../contender.js';
import { cellOf } from '../figures.js';
import type { Results } from '../results.js';
import type { Table } from './tables.js';
import { CHOSEN_ON_LINUX, smallRatioText, TLS_TARGETS, type TlsTarget } from './targets.js';

const COMPARED: readonly {
  readonly head: string;
  readonly reference: string;
  mostOf(target: TlsTarget): number | undefined;
}[] = [
  { head: 'to node:tls', reference: NODE_TLS, mostOf: ({ toNode }) => toNode },
  { head: 'to C on epoll', reference: C_TLS, mostOf: ({ toC }) => toC },
  { head: 'to Bun', reference: 'bun', mostOf: () => undefined },
];

function rowOf(results: Results, line: TlsTarget, driver: string): readonly string[] {
  const { title, scenario, metric } = line;
  const own = cellOf(results, scenario, driver);
  const texts = COMPARED.map(({ reference, mostOf }) =>
    smallRatioText(own, cellOf(results, scenario, reference), metric, mostOf(line), results.quick),
  );
  return [`${title}, \`${driver}\``, ...texts];
}

/** The targets for which a run has figures. */
export function tlsTable(results: Results): Table {
  const rows = TLS_TARGETS.flatMap((line) =>
    CHOSEN_ON_LINUX.filter((driver) => cellOf(results, line.scenario, driver) !== undefined).map((driver) =>
      rowOf(results, line, driver),
    ),
  );
  return { head: ['over TLS', ...COMPARED.map(({ head }) => head)], rows };
}
