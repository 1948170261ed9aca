/** Chooses the driver: candidates in order of preference, each with a probe. No other file asks for the platform. */

import { isMainThread } from 'node:worker_threads';
import { invalidValue } from '../base/argument-errors.js';
import { assert } from '../base/assert.js';
import { OperationError } from '../base/errors.js';
import { process } from '../base/runtime.js';
import { loadKoffi } from '../ffi/koffi.js';
import { lackOfKoffi } from '../ffi/native-error.js';
import { useStandIns } from '../ffi/stand-in-addresses.js';
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
import { NodeDriver } from './node/driver.js';
import { probeNode } from './node/probe.js';
import { wakeNode } from './node/wake.js';
import { openSelectOnLinux, openSelectOnWindows } from './select/driver.js';
import { probeSelectOnLinux, probeSelectOnWindows } from './select/probe.js';
import { wakeSimulated } from './sim/wake.js';
import { reclaimOnWindows } from './windows/reclaim.js';
import { wakeSocket } from './windows/wake.js';

const RECLAIMS: Readonly<Partial<Record<NodeJS.Platform, Reclaim>>> = {
  linux: reclaimOnLinux,
  win32: reclaimOnWindows,
};

/** Closes the resources of an unsuccessful open. Windows' drivers track none. */
const GIVES_BACK: Readonly<Partial<Record<NodeJS.Platform, (resources: ResourceTracker) => void>>> = {
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
  /** Whether it makes no foreign calls. */
  readonly withoutKoffi?: boolean;
}

const isWindows = process.platform === 'win32';

/** The last candidate on every system. */
const NODE: Candidate = {
  name: 'node',
  probe: probeNode,
  open: (options) => new NodeDriver(options, { hasUnix: !isWindows, readsLate: isWindows }),
  wake: wakeNode,
  withoutKoffi: true,
};

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

const CANDIDATES: readonly Candidate[] = [...(SYSTEMS[process.platform] ?? []), NODE];

/** The systems of each driver. */
const HOMES: Readonly<Record<(typeof DRIVER_NAMES)[number], string>> = {
  iocp: 'Windows',
  io_uring: 'Linux',
  epoll: 'Linux',
  select: 'Linux or Windows',
  node: 'Node',
};

/** Why foreign functions cannot be called; undefined if they can. */
function refuseWithoutKoffi(): Refusal | undefined {
  const lack = lackOfKoffi();
  return lack === undefined ? undefined : { usable: false, ...lack };
}

/**
 * Before the memory of a port is made: koffi is loaded if the driver may use it, because numbers that stand for addresses
 * are of no use to the system. A thread whose drivers make no foreign calls does not load it for addresses either.
 */
export function prepareDriver(name: string | DriverSource): void {
  const mayUse = CANDIDATES.filter((candidate) => name === 'auto' || candidate.name === name);
  if (typeof name !== 'string' || mayUse.some(({ withoutKoffi }) => withoutKoffi !== true)) {
    refuseWithoutKoffi();
  } else if (mayUse.length > 0) {
    useStandIns();
  }
}

/** Probes for a port of this thread. The thread is not terminated in between, which would leak what the probe opens. */
function probeHere({ probe, withoutKoffi }: Candidate, disabledFeatures: ReadonlySet<string>): Probe {
  const refusal = withoutKoffi === true ? undefined : refuseWithoutKoffi();
  if (refusal !== undefined) {
    return refusal;
  }
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
        advice: `use ${CANDIDATES.map((candidate) => candidate.name).join(', ')} or auto`,
      } as const,
    })),
  ];
}

export interface Choice {
  readonly driver: Driver;
  /** Preferred drivers that were skipped, each with the reason. */
  readonly skippedDrivers: readonly string[];
}

/**
 * Opens an object of several descriptors completely or, if that throws, not at all. The thread is not terminated in
 * between.
 */
export function openWhole<Whole>(open: () => Whole): Whole {
  return uninterrupted(() => allOrNothing(open, GIVES_BACK[process.platform] ?? (() => undefined)));
}

/**
 * Errors that stop `auto`: without a free descriptor no driver works, and the next one would leave the program with a
 * slower driver because of a temporary shortage.
 */
const STOPS_AUTO: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE']);

/**
 * Opens a driver by its name, the first one that works (`auto`), or a driver of the caller's own.
 * @throws OperationError `ERR_DRIVER_UNAVAILABLE`, `ERR_ACCESS_DENIED`, or the system's error
 * @throws TypeError `ERR_INVALID_ARG_VALUE`
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
      STOPS_AUTO.has(refusal?.code) ? refusal?.code : undefined,
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
  throw unavailable(skippedDrivers.join(' / '));
}

/** Opens a candidate, or returns why it cannot be used. @throws OperationError if no other driver would work either */
function tryToOpen(candidate: Candidate, options: DriverOptions): Driver | Refusal {
  const probe = probeHere(candidate, options.disabledFeatures);
  if (!probe.usable) {
    if (STOPS_AUTO.has(probe.code)) {
      throw unavailable(`${candidate.name}: ${probe.reason}; ${probe.advice}`, probe.code);
    }
    return probe;
  }
  try {
    return openWhole(() => candidate.open(options));
  } catch (error) {
    if (!(error instanceof OperationError) || STOPS_AUTO.has(error.code)) {
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

/** Wakes a port of any thread in this process, given its driver's name and `wakeDescriptor`. */
export function wakePort(name: DriverName, descriptor: number): void {
  if (name === 'sim') {
    wakeSimulated(descriptor);
    return;
  }
  const candidate = CANDIDATES.find((each) => each.name === name);
  assert(candidate !== undefined);
  if (candidate.withoutKoffi !== true) {
    // A thread with a port on the driver node only has numbers that stand for addresses, which the system would refuse.
    loadKoffi();
  }
  candidate.wake(descriptor);
}

const reclaim: Reclaim = RECLAIMS[process.platform] ?? (() => undefined);

guardWorkers(reclaim);

/**
 * Closes the tracked resources and the sockets of a dead worker that this thread has started. Does nothing if the
 * system has no way to find them.
 * @param thread its `threadId`
 */
export function reclaimThread(thread: number): void {
  reclaimWorker(thread, reclaim);
}
