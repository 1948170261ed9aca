/** `overlapped doctor`: which drivers work here, which one would be taken, and which limits of the machine matter. */

import Table from 'cli-table3';
import { probeDrivers } from '../port.js';
import { checkDriver, type DriverCheck, noteOnWorkers } from './driver-check.js';
import { type Limit, type Limits, limitAdvice, readLimits } from './limits.js';
import { writeJson, writeLine } from './output.js';

const NO_BORDER = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

const IO_URING_LEVELS: Readonly<Record<string, string>> = {
  0: '0 (allowed)',
  1: '1 (only to privileged processes)',
  2: '2 (switched off)',
};

function number(limit: Limit): string {
  return typeof limit === 'number' ? limit.toLocaleString('en') : limit;
}

function limitRows(limits: Limits): [string, string][] {
  const { lockedMemoryBytes: locked, ioUringDisabled } = limits;
  return [
    ['kernel', limits.kernel],
    ['Node', limits.node],
    ['processors', String(limits.processors)],
    ['descriptors', `${number(limits.descriptorsSoft)}, at most ${number(limits.descriptorsHard)} (ulimit -n)`],
    ['backlog', `${number(limits.backlogMax)} (net.core.somaxconn)`],
    ['locked memory', `${typeof locked === 'number' ? `${number(locked / 1024)} KiB` : locked} (ulimit -l)`],
    ['local ports', `${limits.localPortFirst} to ${limits.localPortLast} (net.ipv4.ip_local_port_range)`],
    ['io_uring disabled', `${IO_URING_LEVELS[ioUringDisabled] ?? ioUringDisabled} (kernel.io_uring_disabled)`],
  ];
}

function driverRows(check: DriverCheck): [string, string][] {
  const rows: [string, string][] = [
    [
      check.name,
      check.usable ? 'usable' : `not usable: ${check.reason ?? 'no reason is known'}; ${check.advice ?? ''}`,
    ],
  ];
  if (check.eventLoopWatch !== undefined) {
    const wake =
      check.wakeUpMicroseconds == null
        ? 'a wake-up did not arrive: use another driver, and report this'
        : `a wake-up took ${check.wakeUpMicroseconds} µs`;
    rows.push(['', `event loop: ${check.eventLoopWatch}; ${wake}`]);
  }
  if (check.features !== undefined) {
    rows.push(['', `features: ${check.features.join(', ') || 'none'}`]);
  }
  const note = noteOnWorkers(check);
  if (note !== undefined) {
    rows.push(['', note]);
  }
  return rows;
}

function section(title: string, rows: readonly [string, string][]): void {
  writeLine(title);
  const table = new Table({ chars: NO_BORDER, style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] } });
  table.push(...rows.map(([name, value]) => [`  ${name}`, value]));
  for (const line of table.toString().split('\n')) {
    writeLine(line.trimEnd());
  }
  writeLine('');
}

export async function doctor(options: { readonly json: boolean }): Promise<void> {
  const drivers: DriverCheck[] = [];
  for (const report of probeDrivers()) {
    drivers.push(await checkDriver(report));
  }
  // The checks open each driver, as `auto` does.
  const auto = drivers.find((driver) => driver.usable)?.name;
  const limits = readLimits();
  const advice = limitAdvice(limits);
  if (options.json) {
    writeJson({ auto: auto ?? null, drivers, limits, advice });
    return;
  }
  section('Drivers', drivers.flatMap(driverRows));
  section('Taken by auto', [[auto ?? 'none', auto === undefined ? 'no driver runs here' : '']]);
  section('Machine', limitRows(limits));
  section(
    'Advice',
    advice.length === 0 ? [['none', 'no limit here is small']] : advice.map((line, index) => [`${index + 1}.`, line]),
  );
}
