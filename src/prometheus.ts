/** `overlapped/prometheus`: the statistics of servers as metrics of `prom-client`, which the program installs itself. */

import { register } from 'prom-client';
import { formatAddress } from './base/address.js';
import { sharedByCopies } from './base/shared-by-copies.js';
import type { Server } from './engine/server/server.js';
import { MetricSet, type MetricsLabels, type MetricsRegistry } from './metrics/metric-set.js';

export type { MetricsLabels, MetricsRegistry } from './metrics/metric-set.js';

/** Options of `collectMetrics`. */
export interface MetricsOptions {
  /**
   * The registry of the metrics.
   * @default prom-client's `register`
   */
  readonly registry?: MetricsRegistry;
  /**
   * The beginning of the metrics' names.
   * @default 'overlapped_'
   */
  readonly prefix?: string;
  /**
   * Labels of the server's metrics. All servers of one registry must use the same label names.
   * @default `server`, the server's address
   */
  readonly labels?: MetricsLabels;
}

const PREFIX = 'overlapped_';

/** The metrics of each registry, by their prefix. Shared, as a registry takes each name once. */
const sets = sharedByCopies('metric-sets:1', () => new WeakMap<MetricsRegistry, Map<string, MetricSet>>());

function setFor(registry: MetricsRegistry, prefix: string, labelNames: readonly string[]): MetricSet {
  const ofRegistry = sets.get(registry) ?? new Map<string, MetricSet>();
  sets.set(registry, ofRegistry);
  ofRegistry.get(prefix)?.removeClosed();
  let set = ofRegistry.get(prefix);
  if (set === undefined) {
    set = new MetricSet(registry, prefix, labelNames, () => ofRegistry.delete(prefix));
    ofRegistry.set(prefix, set);
  }
  return set;
}

/**
 * Exports a server's statistics, and those of its engine, until the server is closed. They are read when the registry is
 * scraped.
 * @returns a function that ends the export earlier
 * @throws TypeError `ERR_INVALID_ARG_VALUE` for labels of other names than those of an earlier server
 * @example
 * const server = await listen({ port: 4567, data: (connection, chunk) => connection.write(chunk) });
 * collectMetrics(server, { labels: { service: 'echo' } });
 */
export function collectMetrics<Context>(server: Server<Context>, options: MetricsOptions = {}): () => void {
  const labels = options.labels ?? { server: formatAddress(server.address) };
  const set = setFor(options.registry ?? register, options.prefix ?? PREFIX, Object.keys(labels));
  set.add(server as Server, labels);
  return () => set.remove(server as Server);
}
