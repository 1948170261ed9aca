/** `overlapped/prometheus`: the metrics of servers in a registry, and how long they are there. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Engine, listen, type Server } from 'overlapped';
import { collectMetrics } from 'overlapped/prometheus';
import { Registry, register } from 'prom-client';
import { ofServer } from '../support/certificates.js';
import { eventually } from '../support/harness.js';
import { connectNode } from '../support/node-client.js';

function portOf(server: Server): number {
  assert(server.address.family !== 'unix');
  return server.address.port;
}

function echoServer(engine: Engine): Promise<Server> {
  return listen({
    engine,
    host: '127.0.0.1',
    port: 0,
    data(connection, chunk) {
      if (String(chunk) === 'throw') {
        throw Object.assign(new Error('As asked'), { code: 'EASKED' });
      }
      connection.write(chunk);
    },
    error: () => undefined,
  });
}

async function withEngine(body: (engine: Engine) => Promise<void>): Promise<void> {
  const engine = new Engine();
  try {
    await body(engine);
  } finally {
    engine.close();
  }
}

/** The value of one series; undefined if there is none. */
async function sampleOf(registry: Registry, name: string, labels: Record<string, string> = {}): Promise<unknown> {
  const metric = await registry.getSingleMetric(name)?.get();
  return metric?.values.find((sample) =>
    Object.entries(labels).every(([key, value]) => String(sample.labels[key]) === value),
  )?.value;
}

/** Three bytes go to a server and back; then it throws. */
async function talk(server: Server): Promise<void> {
  const client = await connectNode(portOf(server));
  client.socket.write('abc');
  await eventually(() => client.bytes === 3, 'the echo');
  client.socket.write('throw');
  await eventually(() => client.closed || client.ended, 'the end');
  client.socket.destroy();
  await eventually(() => server.connectionsCount === 0, 'the close');
}

describe('collectMetrics', () => {
  test('exports the statistics with the conventions of Prometheus', async () => {
    await withEngine(async (engine) => {
      const registry = new Registry();
      const server = await echoServer(engine);
      collectMetrics(server, { registry, labels: { service: 'echo' } });
      await talk(server);
      const service = { service: 'echo' };
      assert.equal(await sampleOf(registry, 'overlapped_connections', service), 0);
      assert.equal(await sampleOf(registry, 'overlapped_connections_opened_total', service), 1);
      assert.equal(await sampleOf(registry, 'overlapped_received_bytes_total', service), 8);
      assert.equal(await sampleOf(registry, 'overlapped_sent_bytes_total', service), 3);
      assert.equal(await sampleOf(registry, 'overlapped_errors_total', { ...service, code: 'EASKED' }), 1);
      const closes = { ...service, reason: 'handler_error' };
      assert.equal(await sampleOf(registry, 'overlapped_connections_closed_total', closes), 1);
      // A second collection gives the same: counters are read, not added up.
      assert.equal(await sampleOf(registry, 'overlapped_received_bytes_total', service), 8);
      const text = await registry.metrics();
      assert.match(text, /^# TYPE overlapped_connections_closed_total counter$/m);
      assert.match(text, /^# TYPE overlapped_connections gauge$/m);
      assert.match(text, /^overlapped_connections_closed_total\{service="echo",reason="idle_timeout"\} 0$/m);
      assert.match(
        text,
        new RegExp(`^overlapped_engine_operations_posted_total\\{driver="${engine.driver}",kind="send"\\} 1$`, 'm'),
      );
      for (const [, name = '', type] of text.matchAll(/^# TYPE (\w+) (\w+)$/gm)) {
        assert.equal(name.endsWith('_total'), type === 'counter', name);
      }
    });
  });

  test('exports the handshakes of TLS that failed, by their codes', async () => {
    await withEngine(async (engine) => {
      const registry = new Registry();
      const server = await listen({ engine, host: '127.0.0.1', port: 0, tls: ofServer });
      collectMetrics(server, { registry });
      const client = await connectNode(portOf(server));
      client.socket.write('GET / HTTP/1.1\r\n\r\n');
      await eventually(() => server.statistics().tls.failed === 1, 'the failure');
      assert.equal(await sampleOf(registry, 'overlapped_tls_handshakes_total'), 0);
      assert.equal(await sampleOf(registry, 'overlapped_tls_resumed_total'), 0);
      assert.equal(await sampleOf(registry, 'overlapped_tls_failed_total', { code: 'ERR_SSL_HTTP_REQUEST' }), 1);
      client.socket.destroy();
    });
  });

  test('several servers have labels of their own, and their shared engine counts once', async () => {
    await withEngine(async (engine) => {
      const registry = new Registry();
      const servers = await Promise.all([echoServer(engine), echoServer(engine)]);
      servers.forEach((server) => collectMetrics(server, { registry }));
      await talk(servers[1]);
      const [quiet, busy] = servers.map((server) => ({ server: `127.0.0.1:${portOf(server)}` }));
      assert.equal(await sampleOf(registry, 'overlapped_connections_opened_total', quiet), 0);
      assert.equal(await sampleOf(registry, 'overlapped_connections_opened_total', busy), 1);
      const posted = { kind: 'send' };
      assert.equal(await sampleOf(registry, 'overlapped_engine_operations_posted_total', posted), 1);
      assert.throws(() => collectMetrics(servers[0], { registry, labels: { other: 1 } }), {
        code: 'ERR_INVALID_ARG_VALUE',
      });
    });
  });

  test('stops when its server is closed, or on request', async () => {
    await withEngine(async (engine) => {
      const registry = new Registry();
      const [first, second] = [await echoServer(engine), await echoServer(engine)];
      collectMetrics(first, { registry, prefix: 'first_' });
      const stop = collectMetrics(second, { registry, prefix: 'second_' });
      await first.close();
      assert.doesNotMatch(await registry.metrics(), /^first_/m);
      assert.equal(registry.getSingleMetric('first_connections'), undefined);
      stop();
      assert.equal(await registry.metrics(), '\n');
      // A series that is gone may return, with other labels.
      collectMetrics(second, { registry, prefix: 'first_', labels: {} });
      assert.match(await registry.metrics(), /^first_connections 0$/m);
    });
  });

  test("uses prom-client's default registry by default, and leaves its other metrics alone", async () => {
    await withEngine(async (engine) => {
      const server = await echoServer(engine);
      const stop = collectMetrics(server, { prefix: 'mine_' });
      assert.match(await register.metrics(), /^mine_connections\{server="127\.0\.0\.1:\d+"\} 0$/m);
      assert.throws(() => collectMetrics(server, { prefix: 'mine_', labels: { a: 1 } }));
      stop();
      assert.doesNotMatch(await register.metrics(), /mine_/);
    });
  });
});
