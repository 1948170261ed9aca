/** TLS on a simulated network: in virtual time, while the network fails, and with the same events for the same seed. */

import assert from 'node:assert/strict';
import { constants } from 'node:crypto';
import { describe, test } from 'node:test';
import { createSecureContext, type Server, type TlsListenOptions } from 'overlapped';
import { lengthPrefixed } from 'overlapped/framing';
import type { SimNetworkOptions } from 'overlapped/sim';
import { eventually, sha256, someBytes } from '../support/harness.js';
import { SecureEndpoint } from '../support/secure-endpoint.js';
import type { VirtualStage } from '../support/virtual-stage.js';
import { CROOKED, ofClient, ofServer, onTlsStage, portOf, relay } from './sim-stage.js';
import { errorOf } from './subject.js';

describe('TLS on a simulated network', () => {
  /** 50,000 bytes there and back. @returns the events of the network */
  async function echoed(tls: TlsListenOptions, options: SimNetworkOptions): Promise<string> {
    let trace = '';
    await onTlsStage(options, async (stage) => {
      const bytes = someBytes(50_000);
      const chunks: Buffer[] = [];
      const server = await stage.listen({
        tls: { ...ofServer, ...tls },
        sendBufferBytes: 700,
        receiveBufferBytes: 500,
        data: (connection, chunk) => connection.write(chunk),
      });
      const client = await stage.connect(server, {
        tls: ofClient,
        data(_, chunk) {
          chunks.push(Buffer.from(chunk));
        },
      });
      client.write(bytes);
      client.end();
      assert.equal(await client.closed, 'finished');
      assert.equal(sha256(Buffer.concat(chunks)), sha256(bytes));
      ({ trace } = stage.network);
    });
    return trace;
  }

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`${version}: bytes are whole, and a seed gives the same events each time`, async () => {
      const tls = { minVersion: version, maxVersion: version, secureOptions: constants.SSL_OP_NO_TICKET };
      for (const seed of [1, 2, 3]) {
        const first = await echoed(tls, { ...CROOKED, seed });
        assert.equal(await echoed(tls, { ...CROOKED, seed }), first, `seed ${seed}`);
      }
    });
  }

  test('the time limit of a handshake is 10 s of the network, on both sides', () =>
    onTlsStage({}, async (stage) => {
      const server = await stage.listen({ tls: ofServer, data: () => undefined });
      const began = stage.network.now();
      const silent = stage.network.connect({ family: 'ipv4', address: '127.0.0.1', port: portOf(server) });
      let tookMs: number | undefined;
      silent.onChange = () => {
        tookMs ??= silent.ended || silent.state === 'failed' ? stage.network.now() - began : undefined;
      };
      await eventually(() => tookMs !== undefined, 'the end of the silent client');
      assert(tookMs !== undefined && tookMs >= 10_000 && tookMs < 10_100, `closed after ${tookMs} ms`);
      const { connections, tls } = server.statistics();
      assert.deepEqual([connections.closesByReason.handshake_timeout, tls.failed], [1, 1]);
      silent.close();

      const mute = stage.network.listen({ family: 'ipv4', address: '127.0.0.1', port: 7000 });
      const from = stage.network.now();
      const { code } = await errorOf(stage.connectTo(7000, { tls: ofClient }));
      assert.equal(code, 'ERR_TLS_HANDSHAKE_TIMEOUT');
      const waitedMs = stage.network.now() - from;
      assert(waitedMs >= 10_000 && waitedMs < 10_100, `failed after ${waitedMs} ms`);
      mute.close();
    }));

  test('a handshake without a time limit has none', () =>
    onTlsStage({}, async (stage) => {
      const server = await stage.listen({ tls: { ...ofServer, handshakeTimeoutMs: 0 }, data: () => undefined });
      const silent = stage.network.connect({ family: 'ipv4', address: '127.0.0.1', port: portOf(server) });
      await stage.pass(86_400_000);
      assert.deepEqual([silent.state, server.connectionsCount], ['connected', 1]);
      silent.close();
      await eventually(() => server.connectionsCount === 0, 'the close');
    }));

  test('heartbeats notice a peer that the network has cut off', () =>
    onTlsStage({}, async (stage) => {
      const reasons: string[] = [];
      let closedAt = Infinity;
      const framing = lengthPrefixed();
      const server = await stage.listen({
        tls: ofServer,
        framing,
        heartbeat: { intervalMs: 1000, missedMax: 2, ping: Buffer.from('ping') },
        message: () => undefined,
        close(_, reason) {
          closedAt = stage.network.now();
          reasons.push(reason);
        },
      });
      let pings = 0;
      await stage.connect(server, {
        tls: ofClient,
        framing,
        message(connection) {
          pings++;
          connection.sendMessage(Buffer.from('pong'));
        },
      });
      await stage.pass(60_000);
      assert.deepEqual(reasons, []);
      assert(pings > 50, `${pings} pings`);
      stage.network.faults = { deliveryDelayMs: [1e9, 1e9] };
      const from = stage.network.now();
      await eventually(() => reasons.length > 0, 'the close');
      assert.deepEqual(reasons, ['heartbeat']);
      assert(closedAt - from < 10_000, `closed after ${closedAt - from} ms`);
    }));

  test('a FIN that the peer has not announced is an error, and one that is lost is waited for', () =>
    onTlsStage({}, async (stage) => {
      const ends: string[] = [];
      const errors: (string | undefined)[] = [];
      const server = await stage.listen({
        tls: ofServer,
        end: () => ends.push('end'),
        data: () => undefined,
        error: (_, error) => errors.push((error as NodeJS.ErrnoException).code),
        close: (_, reason) => ends.push(reason),
      });
      const between = stage.network.listen({ family: 'ipv4', address: '127.0.0.1', port: 7001 });
      const relays: ReturnType<typeof relay>[] = [];
      between.onChange = () => {
        for (let near = between.accept(); near !== undefined; near = between.accept()) {
          relays.push(relay(stage, near, portOf(server)));
        }
      };
      const client = await stage.connectTo(7001, { tls: ofClient, timeouts: { shutdownMs: 5000 } });
      await stage.pass(10);
      client.write('hello');
      await stage.pass(10);
      relays[0]?.far.end();
      await eventually(() => ends.length > 0, 'the close of the server');
      assert.deepEqual([ends, errors], [['tls_error'], ['ERR_TLS_TRUNCATED']]);
      client.destroy();
      await client.closed;

      ends.length = 0;
      const other = await stage.connectTo(7001, { tls: ofClient, timeouts: { shutdownMs: 5000 } });
      await stage.pass(10);
      const from = stage.network.now();
      // close_notify arrives, and the FIN of the server does not.
      Object.assign(relays[1] as object, { passesEnds: false });
      other.end();
      assert.equal(await other.closed, 'finished');
      assert.deepEqual(ends, ['end', 'finished']);
      assert(stage.network.now() - from < 5000, 'close_notify is the end of a stream');
      for (const { near, far } of relays) {
        near.close();
        far.close();
      }
      between.close();
    }));
});

/** A client with TLS that is no engine's, after its handshake. */
async function peerOf(stage: VirtualStage, server: Server): Promise<SecureEndpoint> {
  const endpoint = stage.network.connect({ family: 'ipv4', address: '127.0.0.1', port: portOf(server) });
  const peer = new SecureEndpoint(endpoint, 'client', createSecureContext());
  while (peer.state !== 'connected') {
    await stage.pass(1);
  }
  return peer;
}

describe('peers with TLS that keep no manners', () => {
  for (const takesAnswers of [true, false]) {
    test(`a peer changes its keys with each byte, and ${takesAnswers ? 'takes' : 'does not take'} the answers`, () =>
      onTlsStage({}, async (stage) => {
        const codes: (string | undefined)[] = [];
        let bytes = 0;
        const server = await stage.listen({
          tls: ofServer,
          data(_, chunk) {
            bytes += chunk.length;
          },
          error: (_, error) => codes.push((error as NodeJS.ErrnoException).code),
        });
        const peer = await peerOf(stage, server);
        let asked = 0;
        let memoryMax = 0;
        for (; asked < 20_000 && codes.length === 0 && peer.state === 'connected'; asked++) {
          peer.requestKeyUpdate();
          if (peer.writable === 0 || asked % 100 === 0) {
            await stage.pass(1);
          } else {
            peer.write(Buffer.from('x'));
          }
          if (takesAnswers) {
            peer.read();
          }
          memoryMax = Math.max(memoryMax, server.core.engine.writes.blocksHeld);
        }
        await stage.pass(2000);
        if (takesAnswers) {
          assert.deepEqual(codes, []);
          assert(bytes > asked / 2, `${bytes} bytes of ${asked}`);
        } else {
          assert.deepEqual(codes, ['ERR_TLS_CONTROL_FLOOD']);
        }
        assert(memoryMax < 32, `${memoryMax} blocks waited`);
        peer.close();
        await eventually(() => server.connectionsCount === 0, 'the close');
      }));
  }
});

test('close_notify that arrives while a handler is at work is delivered after it, also before the FIN', () =>
  onTlsStage({}, async (stage) => {
    const server = await stage.listen({ tls: ofServer, data: () => stage.pass(50) });
    const between = stage.network.listen({ family: 'ipv4', address: '127.0.0.1', port: 7002 });
    let passage: ReturnType<typeof relay> | undefined;
    between.onChange = () => {
      const near = between.accept();
      passage ??= near && relay(stage, near, portOf(server));
    };
    const client = await stage.connectTo(7002, { tls: ofClient });
    Object.assign(passage as object, { passesEnds: false });
    client.end('hello');
    assert.equal(await client.closed, 'finished');
    passage?.near.close();
    passage?.far.close();
    between.close();
  }));
