/** The subject of the contract suite: a driver, options of its ports, and where it may differ from the others. */

import { test } from 'node:test';
import type { CompletionPortOptions, DriverName, OverlappedSocket } from 'overlapped/port';
import { type Dequeuer, listenOn, portOf } from '../support/harness.js';
import { closeLeftovers } from '../support/leftovers.js';
import type { PeerClient } from '../support/peer-client.js';
import type { Peers } from '../support/peers.js';
import { lackBehind, lackOf, type SystemCapabilities, system, systemCapabilities } from '../support/system.js';

/** Differences between drivers, each with its reason. */
export interface DriverCapabilities {
  /** One receive yields many completions (io_uring's multishot); elsewhere each is posted anew. An accept always goes on. */
  readonly multishot: boolean;
  /**
   * A connect to a Unix listener whose backlog is full waits for space. With readiness it fails with EAGAIN: connect(2)
   * says so of non-blocking sockets, and no readiness event reports free space.
   */
  readonly unixConnectWaits: boolean;
}

/** Differences between drivers, and between the systems that they run on. */
export interface Capabilities extends DriverCapabilities, SystemCapabilities {}

export interface Subject {
  readonly driver: DriverName;
  readonly options: CompletionPortOptions;
  readonly capabilities: Capabilities;
  /** The other ends of its connections. */
  readonly peers: Peers;
  /** `options` for a program of the test's: JSON, see `parseProgramOptions`. */
  readonly programOptions: string;
}

type Body = () => Promise<void> | void;

/** A client from outside, and the socket of the port that has accepted it. */
export async function acceptPeer(
  { peers }: Subject,
  dequeuer: Dequeuer,
): Promise<{ client: PeerClient; server: OverlappedSocket }> {
  const listener = listenOn(dequeuer.port);
  const client = await peers.connect(portOf(listener));
  const server = (await dequeuer.next('accept', listener)).accepted as OverlappedSocket;
  dequeuer.port.associate(server);
  return { client, server };
}

/** Far beyond what a test takes: a machine that others use can be ten times as slow. */
const TIMEOUT_MS = 60_000;

/** The capabilities of the suite whose tests are being defined. */
let defined: SystemCapabilities = systemCapabilities;

/** From now on tests are defined for a driver with these capabilities. */
export function definedFor(capabilities: SystemCapabilities): void {
  defined = capabilities;
}

function define(name: string, body: Body, timeoutMs: number, skip: string | false): void {
  const capabilities = defined;
  test(name, { timeout: timeoutMs * system.patience, skip }, async (context) => {
    try {
      await body();
    } catch (error) {
      const lack = lackBehind(error, capabilities);
      if (lack === false) {
        throw error;
      }
      context.skip(lack);
    } finally {
      closeLeftovers();
    }
  });
}

/** A test with a bound on its time. */
export function bounded(name: string, body: Body, timeoutMs = TIMEOUT_MS): void {
  define(name, body, timeoutMs, false);
}

/** The same for tests that need a capability of the system: without it they are skipped, with the reason. */
export function given({ capabilities }: Subject, name: keyof SystemCapabilities): typeof bounded {
  return (testName, body, timeoutMs = TIMEOUT_MS) => define(testName, body, timeoutMs, lackOf(name, capabilities));
}
