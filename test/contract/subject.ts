/** What the contract suite runs on: a driver, options of its ports, and where it may differ from the others. */

import { test } from 'node:test';
import type { CompletionPortOptions, DriverName } from 'overlapped';
import { closeLeftovers } from '../support/leftovers.js';

/** Differences between drivers, each with its reason. */
export interface Capabilities {
  /** One receive yields many completions (io_uring's multishot); elsewhere each is posted anew. An accept always goes on. */
  readonly multishot: boolean;
  /**
   * A connect to a Unix listener whose backlog is full waits for room. With readiness it fails with EAGAIN: connect(2)
   * says so of sockets that do not block, and no readiness tells when there is room.
   */
  readonly unixConnectWaits: boolean;
}

export interface Subject {
  readonly driver: DriverName;
  readonly options: CompletionPortOptions;
  readonly capabilities: Capabilities;
}

/** A test with a bound on its time. */
export function bounded(name: string, body: () => Promise<void> | void, timeoutMs = 20_000): void {
  test(name, { timeout: timeoutMs }, async () => {
    try {
      await body();
    } finally {
      closeLeftovers();
    }
  });
}
