/** `overlapped echo`: runs an echo server in Node's event loop until a signal ends it. */

import { Buffer } from 'node:buffer';
import { constants } from 'node:os';
import { performanceNow, process } from '../../base/runtime.js';
import { type DriverChoice, formatAddress, type SocketAddress } from '../../index.js';
import { openEngine } from '../engine.js';
import { EXIT_FAILED, explain, Failure, type Remedies } from '../failure.js';
import { whenOutputEnds } from '../output.js';
import { listenTarget, resolveTarget } from '../target.js';
import { Activity, type Totals } from './activity.js';
import { type EchoReport, jsonReport, type Listening, textReport } from './report.js';
import { drain, listenForEcho, totalsOf } from './server.js';
import { EchoThreads } from './threads.js';

export interface EchoOptions {
  readonly host: string;
  readonly port: number;
  readonly path?: string;
  readonly driver: DriverChoice;
  readonly threads: number;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly drainTimeout: number;
}

const TCP_REMEDIES: Remedies = {
  EADDRINUSE: ['the address is already in use', 'stop the other program, or choose another --port'],
  EADDRNOTAVAIL: [
    'this machine does not have that address',
    'set --host to an address of this machine, or to 0.0.0.0 for all',
  ],
  EACCES: ['this user may not listen there', 'choose a --port of 1024 or above'],
  EAFNOSUPPORT: ['this system does not support that kind of address', 'choose another --host'],
  EMFILE: ['all descriptors of this process are in use', 'raise the limit (ulimit -n)'],
};

const UNIX_REMEDIES: Remedies = {
  EADDRINUSE: ['the path exists already', 'remove the file if no program listens on it, or choose another --path'],
  EACCES: ['this user may not create a socket there', 'choose another --path'],
  ENOENT: ['its directory does not exist', 'create the directory, or choose another --path'],
  ENOTDIR: ['a part of the path is not a directory', 'choose another --path'],
  EROFS: ['the file system is read-only', 'choose another --path'],
};

function listenFailure(error: unknown, address: SocketAddress): unknown {
  const action = `cannot listen on ${formatAddress(address)}`;
  if (address.family !== 'unix') {
    return explain(action, error, TCP_REMEDIES);
  }
  const bytes = Buffer.byteLength(address.path);
  return explain(action, error, {
    ...UNIX_REMEDIES,
    ENAMETOOLONG: [`a Unix socket's path has at most 107 bytes, and this one has ${bytes}`, 'choose a shorter --path'],
  });
}

/** Resolves at the first signal, or if nobody reads the output any more. A second signal ends the process at once. */
function ended(): Promise<void> {
  let asked = false;
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (asked) {
          process.exit(128 + constants.signals[signal]);
        }
        asked = true;
        resolve();
      });
    }
    whenOutputEnds(resolve);
  });
}

/** A server that listens, on one thread or on several. */
interface Serving {
  readonly listening: Listening;
  totals(): Totals;
  drain(timeoutMs: number): Promise<void>;
  /** Closes its engine. */
  close(): void;
}

type Serve = (options: EchoOptions, address: SocketAddress, activity: Activity, fail: Fail) => Promise<Serving>;
type Fail = (error: Error) => void;

const serveHere: Serve = async ({ driver }, address, activity, fail) => {
  const engine = openEngine({ driver });
  try {
    const server = await listenForEcho(engine, address, activity, fail);
    return {
      listening: { address: server.address, driver: engine.driver, skippedDrivers: engine.skippedDrivers },
      totals: () => totalsOf(server),
      drain: (timeoutMs) => drain(server, activity, timeoutMs),
      close: () => engine.close(),
    };
  } catch (error) {
    engine.close();
    throw error;
  }
};

const serveOnThreads: Serve = async (options, address, activity, fail) => {
  // Reports a driver that does not work in the same way as without threads.
  openEngine({ driver: options.driver }).close();
  const threads = await EchoThreads.listen(options, address, activity, fail);
  return {
    listening: threads.server,
    totals: () => threads.totals,
    drain: (timeoutMs) => threads.drain(timeoutMs),
    close: () => undefined,
  };
};

/** Serves until a signal, or until accepting fails. */
async function serve(options: EchoOptions, address: SocketAddress, report: EchoReport): Promise<void> {
  const startedAt = performanceNow();
  const activity = new Activity(report.activity);
  let failure: Error | undefined;
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const onFailure = (error: Error): void => {
    failure = error;
    stop();
  };
  const start = options.threads === 1 ? serveHere : serveOnThreads;
  const server = await start(options, address, activity, onFailure).catch((error: unknown) => {
    throw error instanceof Failure ? error : listenFailure(error, address);
  });
  try {
    activity.of(() => server.totals());
    void ended().then(stop);
    report.listening(server.listening);
    await stopped;
    await server.drain(options.drainTimeout);
    activity.flush();
    report.totals(server.totals(), (performanceNow() - startedAt) / 1000);
  } finally {
    server.close();
  }
  if (failure !== undefined) {
    throw explain('cannot accept connections any more', failure, {}, EXIT_FAILED);
  }
}

export async function echo(options: EchoOptions): Promise<void> {
  const address = await resolveTarget(listenTarget(options));
  const report = options.json ? jsonReport(options.quiet) : textReport(options.quiet);
  await serve(options, address, report);
}
