/** Options of sockets that `listen` and `connect` set, read back from the system. */

import assert from 'node:assert/strict';
import type { Connection } from 'overlapped';
import type { SocketOption } from '../../src/drivers/driver.js';
import { eventually } from '../support/harness.js';
import { lackOf } from '../support/system.js';
import { type EngineSubject, portOf, type Scene, type Stage, scenes } from './subject.js';

type Readable = Exclude<SocketOption, 'resetOnClose'>;

function read({ socket }: Connection, option: Readable): number {
  return socket.getOption(option);
}

/** A client and its connection at a server. */
async function pair(stage: Stage, options: object): Promise<[client: Connection, server: Connection]> {
  const server = await stage.listen(options);
  const client = await stage.connect({ port: portOf(server), ...options });
  await eventually(() => server.connectionsCount === 1, 'the connection');
  const [accepted] = server.connections();
  assert(accepted !== undefined);
  return [client, accepted];
}

export function socketOptions(subject: EngineSubject): void {
  const scene: Scene = scenes(subject);
  const delayRead = lackOf('keepAliveDelayRead', subject.capabilities) === false;
  const hasUserTimeout = lackOf('userTimeout', subject.capabilities) === false;

  scene('keepAliveInitialDelayMs is cut to seconds, on both sides; less than one leaves the default', async (stage) => {
    for (const connection of await pair(stage, { keepAliveInitialDelayMs: 17_999 })) {
      assert.notEqual(read(connection, 'keepAlive'), 0);
      if (delayRead) {
        assert.equal(read(connection, 'keepAliveInitialDelayMs'), 17_000);
        assert.deepEqual(subject.peers.keepAliveOf?.(connection.socket) ?? { delayS: 17, intervalS: 1, probes: 10 }, {
          delayS: 17,
          intervalS: 1,
          probes: 10,
        });
      }
    }
    const [usual] = await pair(stage, {});
    const [short] = await pair(stage, { keepAliveInitialDelayMs: 999.5 });
    const [off] = await pair(stage, { keepAlive: false, keepAliveInitialDelayMs: 5000 });
    assert.equal(read(off, 'keepAlive'), 0);
    for (const connection of delayRead ? [short, off] : []) {
      assert.equal(read(connection, 'keepAliveInitialDelayMs'), read(usual, 'keepAliveInitialDelayMs'));
    }
  });

  scene('setKeepAlive sets the delay, too, and keeps it if none is given', async (stage) => {
    for (const connection of await pair(stage, {})) {
      for (const [enable, delayMs, wantedMs] of [
        [true, 30_000, 30_000],
        [true, undefined, 30_000],
        [false, 40_000, 30_000],
        [true, 0, 30_000],
        [undefined, 41_500.5, 41_000],
        [true, 32_767_000, 32_767_000],
      ] as const) {
        connection.setKeepAlive(enable, delayMs);
        assert.equal(read(connection, 'keepAlive') !== 0, enable ?? true);
        if (delayRead) {
          assert.equal(read(connection, 'keepAliveInitialDelayMs'), wantedMs);
        }
      }
      for (const delayMs of [-1, Number.NaN, Infinity, 32_767_001]) {
        assert.throws(() => connection.setKeepAlive(true, delayMs), { code: 'ERR_OUT_OF_RANGE' });
      }
      assert.throws(() => connection.setKeepAlive(true, '5' as never), { code: 'ERR_INVALID_ARG_TYPE' });
      connection.destroy();
      connection.setKeepAlive(true, 5000);
    }
  });

  if (hasUserTimeout) {
    scene('userTimeoutMs is set on both sides; without it, the system decides', async (stage) => {
      for (const connection of await pair(stage, { userTimeoutMs: 4321 })) {
        assert.equal(read(connection, 'userTimeoutMs'), 4321);
      }
      const usual = (await pair(stage, {})).map((connection) => read(connection, 'userTimeoutMs'));
      const zero = (await pair(stage, { userTimeoutMs: 0 })).map((connection) => read(connection, 'userTimeoutMs'));
      assert.deepEqual(zero, usual);
    });
  } else {
    scene('userTimeoutMs is refused by name where the system lacks it', async (stage) => {
      const refusal = { code: 'ENOPROTOOPT', message: /userTimeoutMs/ };
      await assert.rejects(stage.listen({ userTimeoutMs: 4321 }), refusal);
      const server = await stage.listen({});
      await assert.rejects(stage.connect({ port: portOf(server), userTimeoutMs: 4321 }), refusal);
    });
  }
}
