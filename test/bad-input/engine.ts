/** `listen({ tls })` under bad input, on one driver. */

import { type Connection, listen, type Server, type ServerStatistics } from 'overlapped';
import type { SystemDriverName } from 'overlapped/port';
import { liveSessions } from '../../src/tls/session.js';
import type { Implementation, Subject, SubjectOptions, Witness } from './subject.js';

const CLEAN = 'finished';

/** The names whose counts have grown since the last look, each as often as it was counted. */
function more(now: Readonly<Record<string, number>>, before: Map<string, number>): readonly string[] {
  return Object.entries(now).flatMap(([name, count]) => {
    const added = count - (before.get(name) ?? 0);
    before.set(name, count);
    return Array.from({ length: added }, () => name);
  });
}

/**
 * Handshakes that have failed are only in the statistics: their reasons are those of no connection that the handlers have
 * seen. With a single failure, its code is known too.
 */
class Failures {
  readonly #witness: Witness;
  readonly #reasons = new Map<string, number>();
  readonly #codes = new Map<string, number>();
  /** Reasons of connections that were open. */
  readonly #open = new Map<string, number>();
  #failed = 0;

  constructor(witness: Witness) {
    this.#witness = witness;
  }

  closed(reason: string): void {
    this.#open.set(reason, (this.#open.get(reason) ?? 0) + 1);
  }

  take({ tls, connections, errorsByCode }: ServerStatistics): void {
    const failed = tls.failed - this.#failed;
    this.#failed = tls.failed;
    const reasons = more(connections.closesByReason, this.#reasons).filter((reason) => {
      const seen = this.#open.get(reason) ?? 0;
      this.#open.set(reason, Math.max(0, seen - 1));
      return seen === 0;
    });
    const codes = more(errorsByCode, this.#codes);
    if (reasons.length !== failed) {
      this.#witness.fault ??= `${failed} handshakes that failed, and ${reasons.length} reasons: ${reasons}`;
    }
    for (const reason of reasons) {
      this.#witness.end({}, reasons.length === 1 && codes.length > 0 ? `${reason} ${codes}` : reason);
    }
  }
}

async function serve(driver: SystemDriverName, options: SubjectOptions): Promise<Subject> {
  const { cert, key, handshakeTimeoutMs, witness } = options;
  const failures = new Failures(witness);
  const codes = new WeakMap<Connection, string>();
  const server: Server = await listen({
    host: '127.0.0.1',
    port: 0,
    driver,
    tls: { cert, key, handshakeTimeoutMs },
    data(connection, chunk) {
      witness.data(connection, chunk);
      if (!connection.write(chunk)) {
        connection.pause();
      }
    },
    drain: (connection) => connection.resume(),
    error(connection, error) {
      codes.set(connection, (error as NodeJS.ErrnoException).code ?? error.message);
    },
    close(connection, reason) {
      const code = codes.get(connection);
      failures.closed(reason);
      witness.end(connection, code === undefined ? reason : `${reason} ${code}`);
    },
  });
  const before = liveSessions();
  return {
    port: server.port as number,
    counts() {
      const statistics = server.statistics();
      failures.take(statistics);
      const { buffersLent, queuedBytes, heldBytes } = statistics.engine;
      return {
        connections: statistics.connections.open,
        sessions: liveSessions() - before,
        buffersLent,
        queuedBytes,
        heldBytes,
      };
    },
    close: () => server.close(),
  };
}

export const engineOn = (driver: SystemDriverName): Implementation => ({
  name: `listen({ tls }) on ${driver}`,
  cleanEnd: CLEAN,
  reportsTruncation: true,
  endsAttacks: true,
  serve: (options) => serve(driver, options),
});
