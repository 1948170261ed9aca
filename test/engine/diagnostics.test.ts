/** Channels of node:diagnostics_channel: the events of a connection that they report, and when. */

import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, test } from 'node:test';
import {
  type Connection,
  type ConnectionClosed,
  type ConnectionFailed,
  type ConnectionOpened,
  connect,
  Engine,
  listen,
} from 'overlapped';
import { eventually } from '../support/harness.js';

const OPEN = 'overlapped:connection:open';
const ERROR = 'overlapped:connection:error';
const CLOSE = 'overlapped:connection:close';

interface Told {
  readonly channel: string;
  readonly connection: Connection;
  readonly detail: unknown;
}

/** Runs `body` with a list of the events that the channels report meanwhile. */
async function listening(body: (told: Told[]) => Promise<void>): Promise<void> {
  const told: Told[] = [];
  const open = (message: unknown): void => {
    told.push({ channel: OPEN, connection: (message as ConnectionOpened).connection, detail: undefined });
  };
  const error = (message: unknown): void => {
    const { connection, error } = message as ConnectionFailed;
    told.push({ channel: ERROR, connection, detail: error });
  };
  const close = (message: unknown): void => {
    const { connection, reason, error } = message as ConnectionClosed;
    told.push({ channel: CLOSE, connection, detail: [reason, error] });
  };
  subscribe(OPEN, open);
  subscribe(ERROR, error);
  subscribe(CLOSE, close);
  try {
    await body(told);
  } finally {
    unsubscribe(OPEN, open);
    unsubscribe(ERROR, error);
    unsubscribe(CLOSE, close);
  }
}

/** Both ends of a connection, with the events of their handlers. */
async function talk(engine: Engine, told: Told[], say: (client: Connection) => void): Promise<Told[]> {
  const server = await listen({
    engine,
    host: '127.0.0.1',
    port: 0,
    data: (_, chunk) => {
      throw new Error(String(chunk));
    },
    error: () => undefined,
  });
  assert(server.address.family !== 'unix');
  const client = await connect({ engine, host: '127.0.0.1', port: server.address.port });
  say(client);
  await eventually(() => told.filter(({ channel }) => channel === CLOSE).length === 2, 'both closes');
  await server.close();
  return told.filter(({ connection }) => connection !== client);
}

describe('diagnostics channels', () => {
  test('report each connection when it opens, and when it closes with its reason', async () => {
    const engine = new Engine();
    await listening(async (told) => {
      const ofServer = await talk(engine, told, (client) => client.end());
      assert.deepEqual(
        ofServer.map(({ channel, detail }) => [channel, detail]),
        [
          [OPEN, undefined],
          [CLOSE, ['finished', undefined]],
        ],
      );
      assert.deepEqual(
        told.filter((one) => !ofServer.includes(one)).map(({ channel }) => channel),
        [OPEN, CLOSE],
      );
    });
    engine.close();
  });

  test('report an error before the close that it causes', async () => {
    const engine = new Engine();
    await listening(async (told) => {
      const ofServer = await talk(engine, told, (client) => client.write('as asked'));
      assert.deepEqual(
        ofServer.map(({ channel }) => channel),
        [OPEN, ERROR, CLOSE],
      );
      const error = ofServer[1]?.detail as Error;
      assert.equal(error.message, 'as asked');
      assert.deepEqual(ofServer[2]?.detail, ['handler_error', error]);
    });
    engine.close();
  });
});
