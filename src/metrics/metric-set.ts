/** The metrics of a registry under one prefix, for all of its servers. */

import { Counter, Gauge, type OpenMetricsContentType, type Registry } from 'prom-client';
import { misuse } from '../base/argument-errors.js';
import type { EngineCore } from '../engine/engine-core.js';
import type { Server } from '../engine/server/server.js';
import { type EngineStatistics, engineStatistics, type ServerStatistics } from '../engine/statistics.js';
import { type Definition, ENGINE_METRICS, SERVER_METRICS } from './definitions.js';

/** A registry of prom-client, for either of its formats. */
export type MetricsRegistry = Registry | Registry<OpenMetricsContentType>;

/** Labels of a server's metrics. */
export type MetricsLabels = Readonly<Record<string, string | number>>;

/** Current statistics, and the labels for their numbers. */
interface Source<Statistics> {
  readonly labels: MetricsLabels;
  readonly statistics: Statistics;
}

export class MetricSet {
  readonly #registry: MetricsRegistry;
  readonly #labelNames: readonly string[];
  readonly #names: string[] = [];
  readonly #servers = new Map<Server, MetricsLabels>();
  readonly #onEmpty: () => void;

  /** @throws Error of prom-client if the registry already has a metric with one of the names */
  constructor(registry: MetricsRegistry, prefix: string, labelNames: readonly string[], onEmpty: () => void) {
    this.#registry = registry;
    this.#labelNames = labelNames;
    this.#onEmpty = onEmpty;
    try {
      this.#registerAll(prefix);
    } catch (error) {
      this.#unregister();
      throw error;
    }
  }

  #registerAll(prefix: string): void {
    for (const definition of SERVER_METRICS) {
      this.#register(prefix, definition, this.#labelNames, () => this.#serverSources());
    }
    for (const definition of ENGINE_METRICS) {
      this.#register(prefix, definition, ['driver'], () => this.#engineSources());
    }
  }

  #unregister(): void {
    for (const name of this.#names) {
      this.#registry.removeSingleMetric(name);
    }
  }

  /** @throws TypeError `ERR_INVALID_ARG_VALUE` if its labels have other names than those of the earlier servers */
  add(server: Server, labels: MetricsLabels): void {
    const names = Object.keys(labels);
    if (names.length !== this.#labelNames.length || !names.every((name) => this.#labelNames.includes(name))) {
      throw misuse(
        `labels: expected ${this.#labelNames.join(', ') || 'none'}, as other servers of this registry and prefix have them; got ${names.join(', ') || 'none'}`,
      );
    }
    this.#servers.set(server, labels);
  }

  /** Removes a server. After the last one, the metrics are removed from the registry. */
  remove(server: Server): void {
    if (this.#servers.delete(server) && this.#servers.size === 0) {
      this.#unregister();
      this.#onEmpty();
    }
  }

  /** Removes the servers that are closed. */
  removeClosed(): void {
    for (const server of [...this.#servers.keys()]) {
      if (server.isClosed) {
        this.remove(server);
      }
    }
  }

  #serverSources(): Source<ServerStatistics>[] {
    this.removeClosed();
    return [...this.#servers].map(([server, labels]) => ({ labels, statistics: server.statistics() }));
  }

  /** Each engine once, even if several of its servers are registered. */
  #engineSources(): Source<EngineStatistics>[] {
    this.removeClosed();
    const engines = new Set<EngineCore>([...this.#servers.keys()].map(({ core }) => core.engine));
    return [...engines].map((engine) => ({
      labels: { driver: engine.port.driver },
      statistics: engineStatistics(engine),
    }));
  }

  #register<Statistics>(
    prefix: string,
    definition: Definition<Statistics>,
    labelNames: readonly string[],
    sources: () => readonly Source<Statistics>[],
  ): void {
    const { help, label, type } = definition;
    const Metric = type === 'counter' ? Counter : Gauge;
    const name = `${prefix}${definition.name}`;
    new Metric<string>({
      name,
      help,
      labelNames: label === undefined ? labelNames : [...labelNames, label],
      registers: [this.#registry],
      // Statistics are read when the registry collects its metrics; nothing is stored in between.
      collect() {
        this.reset();
        for (const source of sources()) {
          fill(this, definition, source);
        }
      },
    });
    this.#names.push(name);
  }
}

/** Adds the numbers of one source to those of a metric. */
function fill<Statistics>(
  metric: Counter | Gauge,
  { label, read }: Definition<Statistics>,
  { labels, statistics }: Source<Statistics>,
): void {
  const reading = read(statistics);
  if (typeof reading === 'number') {
    metric.inc(labels, reading);
  } else if (label !== undefined) {
    for (const [value, count] of Object.entries(reading)) {
      metric.inc({ ...labels, [label]: value }, count);
    }
  }
}
