/** `overlapped echo`: the seed's echo server, in Node's event loop, until a signal ends it. */

import { constants } from 'node:os';
import type { CompletionPort, SocketAddress } from '../index.js';
import { formatAddress } from '../index.js';
import { Activity } from './activity.js';
import { type EchoReport, jsonReport, textReport } from './echo-report.js';
import { ECHO_BUFFERS, EchoServer } from './echo-server.js';
import { EXIT_FAILED, explain, type Remedies } from './failure.js';
import { whenOutputEnds } from './output.js';
import { openPort } from './port.js';
import { listenTarget, resolveTarget } from './target.js';

export interface EchoOptions {
  readonly host: string;
  readonly port: number;
  readonly path?: string;
  readonly driver: string;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly drainTimeout: number;
}

const TCP_REMEDIES: Remedies = {
  EADDRINUSE: ['the address is already in use', 'stop the other program or choose another --port'],
  EADDRNOTAVAIL: [
    'this machine does not have that address',
    'give an address of this machine as --host, or 0.0.0.0 for all',
  ],
  EACCES: ['this user may not listen there', 'choose a --port from 1024 on'],
  EAFNOSUPPORT: ['this system does not have that kind of address', 'choose another --host'],
  EMFILE: ['all descriptors of this process are in use', 'raise the limit (ulimit -n)'],
};

const UNIX_REMEDIES: Remedies = {
  EADDRINUSE: ['the path is already there', 'remove the file if no program listens on it, or choose another --path'],
  EACCES: ['this user may not make a socket there', 'choose another --path'],
  ENOENT: ['its directory does not exist', 'make the directory or choose another --path'],
  ENOTDIR: ['a part of it is not a directory', 'choose another --path'],
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

/** The signal that ends the server, or undefined when nobody reads its output any more. A second signal ends at once. */
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

/** Serves until the end; what goes wrong with accepting ends it too. */
async function serve(
  server: EchoServer,
  port: CompletionPort,
  report: EchoReport,
  drainTimeout: number,
): Promise<void> {
  const startedAt = performance.now();
  const { activity: write } = report;
  const activity = new Activity(server, write && ((period) => write(period, server)));
  let failure: Error | undefined;
  const end = ended();
  await new Promise<void>((resolve) => {
    server.start(activity, (error) => {
      failure = error;
      resolve();
    });
    report.listening({ address: server.address, driver: port.driver, passedOver: port.passedOver });
    void end.then(resolve);
  });
  await server.drain(drainTimeout);
  activity.flush();
  report.totals(server, (performance.now() - startedAt) / 1000);
  if (failure !== undefined) {
    throw explain('cannot accept connections any more', failure, {}, EXIT_FAILED);
  }
}

export async function echo(options: EchoOptions): Promise<void> {
  const address = await resolveTarget(listenTarget(options));
  const port = openPort({ driver: options.driver, buffersMax: ECHO_BUFFERS });
  try {
    let server: EchoServer;
    try {
      server = new EchoServer(port, address);
    } catch (error) {
      throw listenFailure(error, address);
    }
    const report = options.json ? jsonReport(options.quiet) : textReport(options.quiet);
    await serve(server, port, report, options.drainTimeout);
  } finally {
    port.close();
  }
}
