/** `overlapped doctor`: reports which drivers work here, which of them `auto` takes, and which limits of the machine are small. */

import Table from 'cli-table3';
import { process } from '../../base/runtime.js';
import { DRIVER_NAMES } from '../../drivers/driver.js';
import { nativeError } from '../../ffi/native-error.js';
import { EXIT_FAILED } from '../failure.js';
import { writeJson, writeLine } from '../output.js';
import type { DriverCheck } from './driver-check.js';
import { type Limit, type Limits, limitAdvice, readLimits } from './limits.js';
import { outlookOf, type RegisterOutlook } from './register-outlook.js';
import type { TlsCheck } from './tls-check.js';

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
  1: '1 (only for privileged processes)',
  2: '2 (disabled)',
};

function number(limit: Limit): string {
  return typeof limit === 'number' ? limit.toLocaleString('en') : limit;
}

function limitRows(limits: Limits): [string, string][] {
  const { lockedMemoryBytes: locked, ioUringDisabled } = limits;
  return [
    ['kernel', limits.kernel],
    ['runtime', limits.runtime],
    ['processors', String(limits.processors)],
    ['descriptors', `${number(limits.descriptorsSoft)}, at most ${number(limits.descriptorsHard)} (ulimit -n)`],
    ['backlog', `${number(limits.backlogMax)} (net.core.somaxconn)`],
    ['locked memory', `${typeof locked === 'number' ? `${number(locked / 1024)} KiB` : locked} (ulimit -l)`],
    ['local ports', `${limits.localPortFirst} to ${limits.localPortLast} (net.ipv4.ip_local_port_range)`],
    ['io_uring disabled', `${IO_URING_LEVELS[ioUringDisabled] ?? ioUringDisabled} (kernel.io_uring_disabled)`],
  ];
}

/** A note on how a driver differs in workers; undefined if it does not. */
export function noteOnWorkers({ name, features }: DriverCheck): string | undefined {
  return name === 'io_uring' && features !== undefined && !features.includes('defer_taskrun')
    ? 'workers use epoll instead: this kernel has no DEFER_TASKRUN (Linux 6.1)'
    : undefined;
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
        ? 'a wake-up did not arrive: use another driver, and report a bug'
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

function registerRows({ driver, reason, moves, stays }: RegisterOutlook): [string, string][] {
  if (driver === null) {
    return [["stays Node's own", reason ?? '']];
  }
  return [
    ['driver', driver],
    ['moves', moves.join(', ')],
    ...Object.entries(stays).map(([name, why]): [string, string] => ["stays Node's own", `${name}: ${why}`]),
  ];
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

/** Checks all drivers. Without koffi none works, and this still reports why. */
async function checkAll(): Promise<readonly DriverCheck[]> {
  try {
    // Imported here, as it loads koffi.
    return await (await import('./driver-check.js')).checkDrivers();
  } catch (error) {
    const native = nativeError(error);
    if (native === undefined) {
      throw error;
    }
    return DRIVER_NAMES.map((name) => ({ name, usable: false, ...native }));
  }
}

/** The same for TLS. */
async function checkSecurity(): Promise<TlsCheck> {
  try {
    return (await import('./tls-check.js')).checkTls();
  } catch (error) {
    const native = nativeError(error);
    if (native === undefined) {
      throw error;
    }
    return { usable: false, ...native };
  }
}

function tlsRow({ usable, version, library, reason, advice }: TlsCheck): [string, string] {
  return usable
    ? ['usable', `OpenSSL ${version}${library === 'node' ? ', which node has inside' : ' of the system'}`]
    : ['not usable', `${reason ?? 'no reason is known'}; ${advice ?? ''}`];
}

/** Sets the exit code 1 if no driver works. */
export async function doctor(options: { readonly json: boolean }): Promise<void> {
  const drivers = await checkAll();
  // The checks open each driver, as `auto` does.
  const auto = drivers.find((driver) => driver.usable)?.name;
  const register = outlookOf(drivers);
  const tls = await checkSecurity();
  const limits = readLimits();
  const advice = limitAdvice(limits);
  if (auto === undefined) {
    process.exitCode = EXIT_FAILED;
  }
  if (options.json) {
    writeJson({ auto: auto ?? null, drivers, register, tls, limits, advice });
    return;
  }
  section('Drivers', drivers.flatMap(driverRows));
  section('Taken by auto', [[auto ?? 'none', auto === undefined ? 'no driver works here' : '']]);
  section('overlapped/register', registerRows(register));
  section('TLS', [tlsRow(tls)]);
  section('Machine', limitRows(limits));
  section(
    'Advice',
    advice.length === 0 ? [['none', 'no limit is too small']] : advice.map((line, index) => [`${index + 1}.`, line]),
  );
}
