/** A session of a real client (node:tls) through the proxy: messages that come back, and an end. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { connect, type SecureVersion } from 'node:tls';
import { system } from '../support/system.js';
import { plainAt } from './plain.js';
import type { Changes, Passed, TamperingProxy } from './tampering-proxy.js';

/** A client ends a connection on which nothing has come for this long: some changes make its peer wait for more. */
const SILENT_MS = 500 * system.patience;

export interface SessionOptions {
  /** The number of the session: it decides the bytes that are sent. */
  readonly id: number;
  readonly version: SecureVersion;
  /** Trusted by the client. */
  readonly authority: string;
  readonly changes?: Changes;
  /** The bytes of each message: the next is sent when one has come back. */
  readonly messages?: readonly number[];
  /** An earlier session, which is resumed. */
  readonly session?: Buffer | undefined;
  readonly silentMs?: number;
}

export interface Outcome {
  /** All messages came back. */
  readonly isWhole: boolean;
  /** The client's error, `silent` if it had to give up. */
  readonly error: string | undefined;
  readonly isResumed: boolean;
  readonly session: Buffer | undefined;
  readonly passed: Passed;
}

/** One in a record, one in two. */
const MESSAGES = [100, 20_000] as const;

/** @throws AssertionError if a byte comes back that was not sent */
export async function runSession(proxy: TamperingProxy, options: SessionOptions): Promise<Outcome> {
  const { id, version, authority, changes = {}, messages = MESSAGES, silentMs = SILENT_MS } = options;
  const plain = connectPlain({ port: proxy.port, host: '127.0.0.1', noDelay: true });
  await once(plain, 'connect');
  const passed = proxy.agree(plain.localPort as number, changes);
  const socket = connect({
    socket: plain,
    ca: authority,
    servername: 'localhost',
    minVersion: version,
    maxVersion: version,
    ...(options.session !== undefined && { session: options.session }),
  });
  const outcome = { isWhole: false, error: undefined as string | undefined, isResumed: false, passed };
  let session: Buffer | undefined;
  let next = 0;
  let sent = 0;
  let heard = 0;
  let wrong: string | undefined;
  const say = (): void => {
    if (next === messages.length) {
      outcome.isWhole = true;
      socket.end();
      return;
    }
    const bytes = messages[next++] as number;
    socket.write(plainAt(id, sent, bytes));
    sent += bytes;
  };
  socket.on('secureConnect', () => {
    outcome.isResumed = socket.isSessionReused();
    say();
  });
  socket.on('session', (ticket: Buffer) => {
    session = ticket;
  });
  socket.on('data', (chunk: Buffer) => {
    if (!chunk.equals(plainAt(id, heard, chunk.length)) || heard + chunk.length > sent) {
      wrong ??= `${chunk.length} bytes at ${heard} that are not an echo`;
    }
    heard += chunk.length;
    if (heard === sent) {
      say();
    }
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    outcome.error ??= error.code ?? error.message;
  });
  socket.setTimeout(silentMs, () => {
    outcome.error ??= 'silent';
    socket.destroy();
  });
  // Not `once`, which an error before it would fail.
  await new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
  });
  plain.destroy();
  assert.equal(wrong, undefined, JSON.stringify(changes));
  return { ...outcome, session };
}

/** Runs jobs, a few at a time. */
export async function inParallel<T>(
  jobs: readonly T[],
  atOnce: number,
  run: (job: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < jobs.length) {
      const index = next++;
      await run(jobs[index] as T, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, jobs.length) }, worker));
}
