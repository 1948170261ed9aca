/** The output of `overlapped bench`, as text or as JSON. */

import type { RecordableHistogram } from 'node:perf_hooks';
import Table from 'cli-table3';
import { process } from '../../base/runtime.js';
import { writeJson, writeLine } from '../output.js';

export interface BenchFigures {
  /** Messages that returned during the measurement. */
  readonly messages: number;
  /** The duration of the measurement. */
  readonly seconds: number;
  /** Bytes that were compared, including those before and after the measurement. */
  readonly bytesChecked: number;
  /** Round trips in ns. */
  readonly latency: RecordableHistogram;
}

export interface BenchSettings {
  readonly target: string;
  readonly driver: string;
  readonly connections: number;
  readonly size: number;
  readonly pipeline: number;
  readonly duration: number;
  readonly warmup: number;
  readonly json: boolean;
}

/** Round trips in µs. */
function latencies(histogram: RecordableHistogram): Readonly<Record<string, number>> {
  const microseconds = (nanoseconds: number): number => Math.round(nanoseconds / 100) / 10;
  if (histogram.count === 0) {
    return {};
  }
  return {
    min: microseconds(histogram.min),
    p50: microseconds(histogram.percentile(50)),
    p90: microseconds(histogram.percentile(90)),
    p99: microseconds(histogram.percentile(99)),
    'p99.9': microseconds(histogram.percentile(99.9)),
    max: microseconds(histogram.max),
  };
}

export function writeFigures(figures: BenchFigures, settings: BenchSettings): void {
  const messagesPerSecond = Math.round(figures.messages / figures.seconds);
  const megabytesPerSecond = Number(((figures.messages * settings.size) / figures.seconds / 1e6).toFixed(3));
  const latency = latencies(figures.latency);
  if (settings.json) {
    const { target, driver, connections, size, pipeline, duration, warmup } = settings;
    writeJson({
      target,
      driver,
      connections,
      sizeBytes: size,
      pipeline,
      durationSeconds: duration,
      warmupSeconds: warmup,
      measuredSeconds: Number(figures.seconds.toFixed(3)),
      messages: figures.messages,
      messagesPerSecond,
      megabytesPerSecond,
      bytesChecked: figures.bytesChecked,
      errors: 0,
      latencyMicroseconds: latency,
      node: process.version,
    });
    return;
  }
  const several = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;
  writeLine(
    `${several(settings.connections, 'connection')} to ${settings.target}, ${several(settings.size, 'byte')}, ${settings.pipeline} in flight on each, ${figures.seconds.toFixed(1)} s (${settings.driver})`,
  );
  const names = Object.keys(latency);
  const table = new Table({
    head: ['messages/s', 'MB/s', ...names.map((name) => `${name} µs`)],
    colAligns: ['right', 'right', ...names.map(() => 'right' as const)],
    style: { head: [], border: [] },
  });
  const numbers = [messagesPerSecond, megabytesPerSecond, ...Object.values(latency)];
  table.push(numbers.map((value) => value.toLocaleString('en', { maximumFractionDigits: 1 })));
  writeLine(table.toString());
  writeLine(`${figures.bytesChecked.toLocaleString('en')} bytes returned, all correct`);
}
