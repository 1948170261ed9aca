/** How the cost of a message and the memory of a server grow, with the number of connections and with the size of messages. */

import type { Work } from '../load/order.js';
import type { Scenario } from './scenario.js';
import { countText, echoWork, KIB, SMALL_BYTES, sizeText } from './works.js';

/** Every connection has one message in flight. */
const CONNECTIONS = [10, 100, 1000, 5000, 15_000] as const;
const SIZES = [16, 256, 4 * KIB, 64 * KIB, 256 * KIB, KIB * KIB] as const;
const SIZES_CONNECTIONS = 20;

/** A line of points, which differ in one quantity only. */
export interface Growth {
  readonly name: 'connections' | 'bytes';
  readonly title: string;
  /** The label of the axis: the quantity that grows. */
  readonly axis: string;
  readonly points: readonly { readonly value: number; readonly scenario: Scenario }[];
}

function pointOf(growth: Growth['name'], value: number, title: string, work: Work): Growth['points'][number] {
  const name = `growth-${growth}-${value}`;
  return { value, scenario: { name, title: () => title, role: 'echo', unit: 'message', work: () => work } };
}

export const GROWTHS: readonly Growth[] = [
  {
    name: 'connections',
    title: `Messages of ${SMALL_BYTES} bytes, one in flight on each connection`,
    axis: 'connections',
    points: CONNECTIONS.map((value) =>
      pointOf('connections', value, `Growth: ${countText(value)} connections`, echoWork(value, SMALL_BYTES)),
    ),
  },
  {
    name: 'bytes',
    title: `${SIZES_CONNECTIONS} connections with one message in flight on each`,
    axis: 'bytes of a message',
    points: SIZES.map((value) =>
      pointOf('bytes', value, `Growth: messages of ${sizeText(value)}`, echoWork(SIZES_CONNECTIONS, value)),
    ),
  },
];

export const GROWTH_SCENARIOS: readonly Scenario[] = GROWTHS.flatMap(({ points }) =>
  points.map(({ scenario }) => scenario),
);
