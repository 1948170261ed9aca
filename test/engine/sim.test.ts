/** The engine on a simulated network: on real time, as it is and while completions come late, in pieces, and in any order. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CloseReason, type Connection, connect, Engine, listen } from 'overlapped';
import { SimNetwork, type SimNetworkOptions } from 'overlapped/sim';
import { eventually } from '../support/harness.js';
import { simPeers } from '../support/sim-peers.js';
import { SIM_CAPABILITIES } from '../support/sim-suite.js';
import { engineSuite } from './suite.js';

function simSuite(title: string, simulated: SimNetworkOptions): void {
  const network = new SimNetwork({ clock: 'real', ...simulated });
  const capabilities = { ...SIM_CAPABILITIES, multishot: simulated.multishot ?? false };
  engineSuite('sim', capabilities, { driver: network }, { title, peers: simPeers(network), network });
}

simSuite('', {});
simSuite(' with multishot, while things go wrong', {
  multishot: true,
  faults: {
    shortReceives: 0.3,
    shortSends: 0.3,
    reorderedCompletions: 0.3,
    deliveryDelayMs: [0, 1],
    cancelDelayMs: [0, 2],
  },
});

type Begin = (connection: Connection) => void;

/** The default timeouts, in ms, by a clock that jumps from one event to the next. */
describe('default timeouts, on virtual time', () => {
  const nothing: Begin = () => undefined;

  /** A timer that a handler starts begins at once by that clock; one from outside may begin after its next jump. */
  async function closes(
    reason: CloseReason,
    limitMs: number,
    begin: { server?: Begin; client?: Begin },
    slackMs = 1000,
  ) {
    const network = new SimNetwork();
    const engine = new Engine({ driver: network });
    let told: CloseReason | undefined;
    let closedAt = 0;
    const common = { engine, host: '127.0.0.1', allowHalfOpen: true, data: nothing };
    const server = await listen({
      ...common,
      port: 0,
      open: begin.server ?? nothing,
      close(_, why) {
        told = why;
        closedAt = network.now();
      },
    });
    const { port } = server.address as { port: number };
    await connect({ ...common, port, timeouts: { shutdownMs: 0 }, open: begin.client ?? nothing });
    await eventually(() => told !== undefined, 'the close');
    engine.close();
    assert.equal(told, reason);
    assert(closedAt >= limitMs && closedAt < limitMs + slackMs, `closed at ${closedAt} ms`);
  }

  test('a client that sends nothing is closed after a minute', () => closes('first_byte_timeout', 60_000, {}));
  test('a stalled write is closed after a minute, counted from its first check', () =>
    closes(
      'write_stall',
      60_000,
      {
        server: (connection) => connection.write(Buffer.alloc(1_000_000)),
        client(connection) {
          connection.write('hello');
          connection.pause();
        },
      },
      60_000 / 8 + 1000,
    ));
  test('a half-closed connection is closed after a minute', () =>
    closes('half_closed_timeout', 60_000, { client: (connection) => connection.end('hello') }));
  test('a connection whose peer does not end after us is closed after ten seconds', () =>
    closes('shutdown_timeout', 10_000, { server: (connection) => connection.end() }));
  test('a connect that gets no answer fails after half a minute', async () => {
    const network = new SimNetwork({ faults: { lostConnects: 1 } });
    const engine = new Engine({ driver: network });
    await assert.rejects(connect({ engine, port: 1, host: '127.0.0.1' }), { code: 'ETIMEDOUT' });
    assert(network.now() >= 30_000 && network.now() < 31_000);
    engine.close();
  });

  test('a write after a long silence has the whole write-stall timeout', async () => {
    const network = new SimNetwork();
    const engine = new Engine({ driver: network });
    const common = { engine, host: '127.0.0.1', data: nothing, timeouts: { firstByteMs: 0 } };
    let told: CloseReason | undefined;
    let writtenAt = 0;
    let closedAt = 0;
    const server = await listen({
      ...common,
      port: 0,
      open(connection) {
        // Not in a round of the engine: in a timer of the program.
        network.clock.setTimer(() => {
          writtenAt = network.now();
          connection.write(Buffer.alloc(1_000_000));
        }, 300_000);
      },
      close(_, why) {
        told = why;
        closedAt = network.now();
      },
    });
    const { port } = server.address as { port: number };
    await connect({ ...common, port, open: (connection) => connection.pause() });
    await eventually(() => told !== undefined, 'the close');
    engine.close();
    assert.equal(told, 'write_stall');
    assert(closedAt - writtenAt >= 60_000, `closed ${closedAt - writtenAt} ms after the write`);
  });
});
