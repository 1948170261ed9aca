/** The one place that chooses the driver: candidates in order of preference, each with a probe. */

import { isMainThread } from 'node:worker_threads';
import { invalidValue } from '../base/argument-errors.js';
import { assert } from '../base/assert.js';
import { OperationError } from '../base/errors.js';
import { process } from '../base/runtime.js';
import { uninterrupted } from '../ffi/worker-table.js';
import { guardWorkers, type Reclaim, reclaimWorker } from './common/guardian.js';
import { requireNetwork } from './common/permission.js';
import { allOrNothing, type ResourceTracker } from './common/resources.js';
import type {
  Driver,
  DriverName,
  DriverOptions,
  DriverSource,
  Probe,
  ProbeOptions,
  Refusal,
  SystemDriverName,
} from './driver.js';
import { DRIVER_NAMES } from './driver.js';
import { openEpoll } from './epoll/driver.js';
import { probeEpoll } from './epoll/probe.js';
import { IoUringDriver } from './io-uring/driver.js';
import { probeIoUring, refuseIoUring } from './io-uring/probe.js';
import { wakeCompletionPort } from './iocp/completion-port.js';
import { IocpDriver } from './iocp/driver.js';
import { probeIocp } from './iocp/probe.js';
import { giveBackOnLinux, reclaimOnLinux } from './linux/reclaim.js';
import { wakeDescriptor } from './linux/wake.js';
import { openSelectOnLinux, openSelectOnWindows } from './select/driver.js';
import { probeSelectOnLinux, probeSelectOnWindows } from './select/probe.js';
import { wakeSimulated } from './sim/wake.js';
import { wakeSocket } from './windows/wake.js';

/** Windows has no way to know which sockets were a thread's. */
const RECLAIMS: Readonly<Partial<Record<NodeJS.Platform, Reclaim>>> = { linux: reclaimOnLinux };

/** Closes what was opened for something that cannot be built after all. Windows' drivers write nothing down. */
const GIVES_BACK: Readonly<Partial<Record<NodeJS.Platform, (opened: ResourceTracker) => void>>> = {
  linux: giveBackOnLinux,
};

interface Candidate {
  readonly name: SystemDriverName;
  readonly probe: (options: ProbeOptions) => Probe;
  readonly open: (options: DriverOptions) => Driver;
  /** Describes why opening failed although the probe had passed. */
  readonly refuse?: (error: OperationError) => Refusal;
  /** Wakes a port from any thread, given its driver's `wakeDescriptor`. */
  readonly wake: (descriptor: number) => void;
}

const SYSTEMS: Readonly<Partial<Record<NodeJS.Platform, readonly Candidate[]>>> = {
  linux: [
    {
      name: 'io_uring',
      probe: probeIoUring,
      open: (options) => new IoUringDriver(options),
      refuse: refuseIoUring,
      wake: wakeDescriptor,
    },
    { name: 'epoll', probe: probeEpoll, open: openEpoll, wake: wakeDescriptor },
    { name: 'select', probe: probeSelectOnLinux, open: openSelectOnLinux, wake: wakeDescriptor },
  ],
  win32: [
    { name: 'iocp', probe: probeIocp, open: (options) => new IocpDriver(options), wake: wakeCompletionPort },
    { name: 'select', probe: probeSelectOnWindows, open: openSelectOnWindows, wake: wakeSocket },
  ],
};

const CANDIDATES: readonly Candidate[] = SYSTEMS[process.platform] ?? [];

/** Where the drivers are at home that this system does not have. */
const HOMES: Readonly<Record<(typeof DRIVER_NAMES)[number], string>> = {
  iocp: 'Windows',
  io_uring: 'Linux',
  epoll: 'Linux',
  select: 'Linux or Windows',
};

/** Asks for a port of this thread. What the probe opens for a moment is not left open when the thread is stopped. */
function probeHere({ probe }: Candidate, disabledFeatures: ReadonlySet<string>): Probe {
  return uninterrupted(() => probe({ disabledFeatures, inWorker: !isMainThread }));
}

/** Whether this system can run a driver. */
export interface DriverReport {
  /** The driver's name. */
  readonly name: SystemDriverName;
  /** The result of its probe. */
  readonly probe: Probe;
}

/** The results of all probes for a port of this thread, in order of preference. */
export function probeDrivers(): readonly DriverReport[] {
  const candidates = CANDIDATES.map((candidate) => ({ name: candidate.name, probe: probeHere(candidate, new Set()) }));
  const elsewhere = DRIVER_NAMES.filter((name) => !CANDIDATES.some((candidate) => candidate.name === name));
  return [
    ...candidates,
    ...elsewhere.map((name) => ({
      name,
      probe: {
        usable: false,
        reason: `${name} needs ${HOMES[name]}, and this system is ${process.platform}`,
        advice:
          CANDIDATES.length > 0
            ? `use ${CANDIDATES.map((candidate) => candidate.name).join(', ')} or auto`
            : 'run on Linux or Windows',
      } as const,
    })),
  ];
}

export interface Choice {
  readonly driver: Driver;
  /** Drivers that would have been preferred, with why each was passed over. */
  readonly skippedDrivers: readonly string[];
}

/** Calls what opens descriptors: all that it wants, or when it throws, none. The thread is not stopped in between. */
export function openWhole<Whole>(open: () => Whole): Whole {
  return uninterrupted(() => allOrNothing(open, GIVES_BACK[process.platform] ?? (() => undefined)));
}

/**
 * Without a descriptor no driver helps, as each connection needs one: this is an error, where falling on would leave the
 * program with a slower driver for good because of a moment's shortage.
 */
const FALLS_NOT_ON: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE']);

/**
 * Opens a driver by name, with `auto` the first that can be opened, or one of the caller's own.
 * @throws OperationError `ERR_DRIVER_UNAVAILABLE`, `ERR_ACCESS_DENIED`, what opening fails with; TypeError
 * `ERR_INVALID_ARG_VALUE`
 */
export function openDriver(name: string | DriverSource, options: DriverOptions): Choice {
  if (typeof name !== 'string' && typeof name?.open === 'function') {
    return { driver: name.open(options), skippedDrivers: [] };
  }
  requireNetwork();
  if (name === 'auto') {
    return openBest(options);
  }
  const known = DRIVER_NAMES.find((driver) => driver === name);
  if (known === undefined) {
    throw invalidValue('driver', `auto, ${DRIVER_NAMES.join(', ')}`, name);
  }
  const candidate = CANDIDATES.find((driver) => driver.name === known);
  const probe =
    candidate === undefined
      ? probeDrivers().find((report) => report.name === known)?.probe
      : probeHere(candidate, options.disabledFeatures);
  if (candidate === undefined || probe === undefined || !probe.usable) {
    const refusal = probe?.usable === false ? probe : undefined;
    throw unavailable(
      refusal === undefined ? `No such driver: ${name}` : `${refusal.reason}; ${refusal.advice}`,
      FALLS_NOT_ON.has(refusal?.code) ? refusal?.code : undefined,
    );
  }
  try {
    return { driver: openWhole(() => candidate.open(options)), skippedDrivers: [] };
  } catch (error) {
    throw error instanceof OperationError ? withAdvice(error, refusalOf(candidate, error)) : error;
  }
}

function openBest(options: DriverOptions): Choice {
  const skippedDrivers: string[] = [];
  for (const candidate of CANDIDATES) {
    const result = tryToOpen(candidate, options);
    if (!('usable' in result)) {
      return { driver: result, skippedDrivers };
    }
    skippedDrivers.push(`${candidate.name}: ${result.reason}; ${result.advice}`);
  }
  throw unavailable(
    skippedDrivers.length > 0
      ? skippedDrivers.join(' / ')
      : `No driver runs on ${process.platform}; use Linux or Windows`,
  );
}

/** The driver, or why it cannot be used here. @throws OperationError what no other driver would help against */
function tryToOpen(candidate: Candidate, options: DriverOptions): Driver | Refusal {
  const probe = probeHere(candidate, options.disabledFeatures);
  if (!probe.usable) {
    if (FALLS_NOT_ON.has(probe.code)) {
      throw unavailable(`${candidate.name}: ${probe.reason}; ${probe.advice}`, probe.code);
    }
    return probe;
  }
  try {
    return openWhole(() => candidate.open(options));
  } catch (error) {
    if (!(error instanceof OperationError) || FALLS_NOT_ON.has(error.code)) {
      throw error;
    }
    return refusalOf(candidate, error);
  }
}

function refusalOf({ refuse }: Candidate, error: OperationError): Refusal {
  const { code, syscall } = error;
  return (
    refuse?.(error) ?? { usable: false, code, reason: `${syscall} failed with ${code}`, advice: 'use the driver auto' }
  );
}

function withAdvice(error: OperationError, { reason, advice }: Refusal): OperationError {
  const { code, syscall, systemNumber } = error;
  const fields = { code, reason: `${reason}; ${advice}`, syscall };
  return new OperationError(systemNumber === undefined ? fields : { ...fields, systemNumber });
}

function unavailable(reason: string, code = 'ERR_DRIVER_UNAVAILABLE'): OperationError {
  return new OperationError({ code, reason, syscall: 'open driver' });
}

/** Wakes a port of any thread of this process, given its driver's name and `wakeDescriptor`. */
export function wakePort(name: DriverName, descriptor: number): void {
  if (name === 'sim') {
    wakeSimulated(descriptor);
    return;
  }
  const candidate = CANDIDATES.find((each) => each.name === name);
  assert(candidate !== undefined);
  candidate.wake(descriptor);
}

const reclaim: Reclaim = RECLAIMS[process.platform] ?? (() => undefined);

guardWorkers(reclaim);

/**
 * Closes what a worker of this thread had open when it died: what is in its ledger, and its sockets. Does nothing where
 * the system has no way to know them.
 * @param thread its `threadId`
 */
export function reclaimThread(thread: number): void {
  reclaimWorker(thread, reclaim);
}
