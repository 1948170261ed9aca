/**
 * The peer's view of a closed connection: the end of the stream if all written bytes were sent, and otherwise a reset,
 * for every close reason. It is the table of `docs/closing.md`.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type CloseReason, type Connection, Engine, type ListenOptions, type Server } from 'overlapped';
import { delimited } from 'overlapped/framing';
import { CLOSE_REASONS } from '../../src/engine/close-reasons.js';
import { SENDING } from '../../src/engine/connection-core/state.js';
import { eventually, someBytes } from '../support/harness.js';
import { type EngineSubject, portOf, scenes } from './subject.js';

const MIB = 1024 * 1024;
const LIMIT_MS = 60;

interface Parts {
  readonly engine: Engine;
  readonly server: Server;
  /** Options of the server. */
  readonly connection: Connection;
  readonly client: Connection;
}

interface Cut {
  readonly reason: CloseReason;
  readonly options?: ListenOptions;
  readonly engineBytesMax?: number;
  /** The action that causes it, besides its limit. */
  readonly by?: (parts: Parts) => void;
}

/** Reasons for which the peer sees an end unless something is dropped. */
const CUTS: readonly Cut[] = [
  { reason: 'destroyed', options: { timeouts: { lingerMs: LIMIT_MS } }, by: ({ connection }) => connection.destroy() },
  {
    reason: 'handler_error',
    options: {
      data() {
        throw new Error('Not understood');
      },
      error: () => undefined,
    },
    by: ({ client }) => void client.write('hello'),
  },
  { reason: 'idle_timeout', options: { timeouts: { idleMs: LIMIT_MS } } },
  { reason: 'first_byte_timeout', options: { timeouts: { firstByteMs: LIMIT_MS } } },
  { reason: 'deadline', by: ({ connection }) => connection.setDeadline(LIMIT_MS) },
  {
    reason: 'framing_error',
    options: { framing: delimited({ messageBytesMax: 8 }), error: () => undefined },
    by: ({ client }) => void client.write('more than eight'),
  },
  {
    reason: 'heartbeat',
    options: { framing: delimited(), heartbeat: { intervalMs: LIMIT_MS, missedMax: 1, ping: Buffer.from('ping') } },
  },
  {
    reason: 'message_timeout',
    options: { framing: delimited(), timeouts: { messageMs: LIMIT_MS } },
    by: ({ client }) => void client.write('unfinished'),
  },
  { reason: 'engine_closed', by: ({ engine }) => engine.close() },
];

/** Reasons for which the peer sees a reset in any case. */
const RESETS: readonly Cut[] = [
  { reason: 'destroyed', options: { timeouts: { lingerMs: 0 } }, by: ({ connection }) => connection.destroy() },
  { reason: 'reset', by: ({ connection }) => connection.reset() },
  {
    reason: 'held_full',
    options: { framing: delimited({ messageBytesMax: MIB }), limits: { heldBytesMax: 1000 }, error: () => undefined },
    by: ({ client }) => void client.write(Buffer.alloc(300_000)),
  },
  { reason: 'drain_deadline', by: ({ server }) => void server.close({ deadlineMs: 0 }) },
];

/** Reasons that there are only with something to send, or with an end of either side. */
const CUTS_WITH_BYTES: readonly Cut[] = [
  ...CUTS,
  ...RESETS,
  { reason: 'write_stall', options: { timeouts: { writeStallMs: LIMIT_MS } } },
  {
    reason: 'half_closed_timeout',
    options: { allowHalfOpen: true, timeouts: { halfClosedMs: LIMIT_MS } },
    by: ({ client }) => client.end(),
  },
  {
    reason: 'write_queue_full',
    options: { error: () => undefined },
    by: ({ connection }) => void connection.write(someBytes(16 * MIB)),
  },
  {
    reason: 'engine_queue_full',
    options: { error: () => undefined, limits: { queuedBytesMax: 100 * MIB } },
    engineBytesMax: 20 * MIB,
    by: ({ connection }) => void connection.write(someBytes(20 * MIB)),
  },
];

/** The table's rows: reasons, and what the peer sees without and with something left to send. */
function documented(): Map<string, readonly string[]> {
  const text = readFileSync(new URL('../../../docs/closing.md', import.meta.url), 'utf8');
  const table = text.slice(text.indexOf('| reason | the peer sees'));
  const rows = table.slice(0, table.indexOf('\n\n')).split('\n').slice(2);
  const seen = new Map<string, readonly string[]>();
  for (const row of rows) {
    const [, reasons = '', without = '', withBytes = ''] = row.split('|');
    for (const [, reason] of reasons.matchAll(/`(\w+)`/g)) {
      seen.set(reason as string, [without.trim(), withBytes.trim()]);
    }
  }
  return seen;
}

export function cuts(subject: EngineSubject): void {
  test("the documentation's table of close reasons agrees with these tests", () => {
    const table = documented();
    const ours = CLOSE_REASONS.filter((reason) => reason !== 'peer_reset');
    assert.deepEqual([...table.keys()].sort(), [...ours].sort());
    for (const { reason } of CUTS) {
      assert.match(table.get(reason)?.[0] ?? '', /^the end of the stream/, reason);
    }
    for (const { reason } of RESETS) {
      assert.match(table.get(reason)?.[0] ?? '', /a reset/, reason);
    }
    for (const { reason } of CUTS_WITH_BYTES) {
      assert.match(table.get(reason)?.[1] ?? '', /^a reset/, reason);
    }
  });

  const scene = scenes(subject);

  async function closes(
    stage: Parameters<Parameters<typeof scene>[1]>[0],
    { reason, options, engineBytesMax = 256 * MIB, by }: Cut,
    queued: Uint8Array | undefined,
  ): Promise<{ readonly clientReason: CloseReason | undefined; readonly ended: boolean }> {
    // An engine of its own, as its close must not be the client's as well.
    const engine = new Engine({ ...subject.options, engineQueuedBytesMax: engineBytesMax });
    try {
      const server = await stage.listen({ data: () => undefined, ...options, engine });
      let ended = false;
      const client = await stage.connect({
        port: portOf(server),
        end: () => {
          ended = true;
        },
        data: () => undefined,
        error: () => undefined,
      });
      await eventually(() => server.connectionsCount === 1, 'the connection');
      const [connection] = server.connections() as Generator<Connection, never>;
      if (queued !== undefined) {
        client.pause();
        (connection as Connection).write(queued);
        await eventually(() => ((connection as Connection).flags & SENDING) !== 0, 'the begin of sending');
      }
      by?.({ engine, server, connection: connection as Connection, client });
      await eventually(() => connection?.isClosed === true, `the close, ${reason}`);
      client.resume();
      await eventually(() => client.isClosed, `the close of the client, ${reason}`);
      assert.equal(stage.history.of(connection as Connection).reason, reason);
      return { clientReason: stage.history.of(client).reason, ended };
    } finally {
      engine.close();
    }
  }

  for (const cut of CUTS) {
    scene(`the peer sees an end after ${cut.reason} if all bytes were sent`, async (stage) => {
      assert.deepEqual(await closes(stage, cut, undefined), { clientReason: 'finished', ended: true });
    });
  }

  for (const cut of RESETS) {
    const title = cut.options?.timeouts?.lingerMs === undefined ? cut.reason : `${cut.reason} without a linger time`;
    scene(`the peer sees a reset after ${title}`, async (stage) => {
      assert.deepEqual(await closes(stage, cut, undefined), { clientReason: 'peer_reset', ended: false });
    });
  }

  for (const cut of CUTS_WITH_BYTES) {
    const { lingerMs } = cut.options?.timeouts ?? {};
    const linger = lingerMs === undefined ? '' : ` with lingerMs ${lingerMs}`;
    const needs = cut.reason === 'half_closed_timeout' ? 'resetRememberedBehindEnd' : 'resetRemembered';
    scene(
      `the peer never sees an end after ${cut.reason}${linger} if bytes are left to send`,
      async (stage) => {
        assert.deepEqual(await closes(stage, cut, someBytes(12 * MIB)), { clientReason: 'peer_reset', ended: false });
      },
      { needs },
    );
  }
}
