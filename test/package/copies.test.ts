/** Two copies of the package in one process: each works, and both share the state that a process has once. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DriverChoice } from 'overlapped';
import * as one from 'overlapped';
import * as onePort from 'overlapped/port';
import * as oneOfMetrics from 'overlapped/prometheus';
import * as oneOfSim from 'overlapped/sim';
import { Registry } from 'prom-client';
import { runProgram } from '../support/child.js';
import { withCopy } from '../support/copy.js';
import { eventually, someBytes } from '../support/harness.js';
import { system } from '../support/system.js';

type Package = typeof one;

function portOf({ address }: one.Server): number {
  assert(address.family !== 'unix');
  return address.port;
}

/** Listens, connects, and sends a message there and back. */
async function echoOnce({ connect, listen }: Package, driver: DriverChoice): Promise<string> {
  const server = await listen({
    driver,
    host: '127.0.0.1',
    port: 0,
    data: (connection, chunk) => connection.write(chunk),
  });
  assert(server.address.family !== 'unix');
  let echoed = '';
  try {
    const connection = await connect({
      driver,
      host: '127.0.0.1',
      port: server.address.port,
      data: (_, chunk) => {
        echoed += chunk.toString();
      },
    });
    connection.write('whole');
    await eventually(() => echoed === 'whole', 'the echo');
    connection.end();
  } finally {
    await server.close();
  }
  return echoed;
}

describe('two copies of the package', () => {
  for (const { name, probe } of onePort.probeDrivers()) {
    test(`both accept, connect and echo on ${name}`, {
      timeout: 60_000 * system.patience,
      skip: probe.usable ? false : probe.reason,
    }, async () => {
      await withCopy(async (load) => {
        const other = (await load('index.js')) as Package;
        assert.notEqual(one.listen, other.listen);
        for (const each of [one, other, one]) {
          assert.equal(await echoOnce(each, name), 'whole');
        }
      });
    });
  }

  test('a wake-up reaches its simulated port, whichever copy posts it', async () => {
    await withCopy(async (load) => {
      const otherPort = (await load('port.js')) as typeof onePort;
      const otherSim = (await load('sim.js')) as typeof oneOfSim;
      const port = onePort.CompletionPort.create({ driver: new oneOfSim.SimNetwork() });
      const other = otherPort.CompletionPort.create({ driver: new otherSim.SimNetwork() });
      try {
        otherPort.postWakeUp(port.wakeHandle);
        assert.equal(port.getQueuedCompletions(new onePort.CompletionBatch(), 0), 1);
        assert.equal(other.getQueuedCompletions(new otherPort.CompletionBatch(), 0), 0);
      } finally {
        port.close();
        other.close();
      }
    });
  });

  test('a chunk of one copy that is written to a connection of the other is copied', async () => {
    await withCopy(async (load) => {
      const other = (await load('index.js')) as Package;
      const echoed: Buffer[] = [];
      const here = { host: '127.0.0.1', port: 0 };
      const sink = await other.listen({ ...here, data: (_, chunk) => echoed.push(Buffer.from(chunk)) });
      const out = await other.connect({ ...here, port: portOf(sink) });
      const engine = new one.Engine({ bufferCount: 16, poisonReleasedBuffers: true });
      const proxy = await one.listen({ engine, ...here, data: (_, chunk) => out.write(chunk) });
      const source = await one.connect({ ...here, port: portOf(proxy) });
      try {
        const sent = someBytes(1_000_000);
        source.write(sent);
        await eventually(() => Buffer.concat(echoed).length === sent.length, 'all of it');
        assert(Buffer.concat(echoed).equals(sent));
      } finally {
        source.destroy();
        out.destroy();
        await Promise.all([proxy.close({ deadlineMs: 0 }), sink.close({ deadlineMs: 0 })]);
        engine.close();
      }
    });
  });

  test('servers of both copies can share one metrics registry', async () => {
    await withCopy(async (load) => {
      const otherOfMetrics = (await load('prometheus.js')) as typeof oneOfMetrics;
      const registry = new Registry();
      const server = await one.listen({ host: '127.0.0.1', port: 0 });
      try {
        const stop = [oneOfMetrics, otherOfMetrics].map(({ collectMetrics }, index) =>
          collectMetrics(server, { registry, labels: { server: String(index) } }),
        );
        const metric = await registry.getSingleMetric('overlapped_connections_opened_total')?.get();
        assert.deepEqual(
          metric?.values.map(({ labels }) => labels.server),
          ['1'],
        );
        stop.forEach((each) => each());
      } finally {
        await server.close();
      }
    });
  });

  test("each sees the other's port in the event loop, also from another realm", {
    skip: process.platform === 'linux' ? false : 'ports are in the event loop itself on Linux only',
  }, async () => {
    const nodeOptions = ['--experimental-vm-modules', '--no-warnings'];
    const { stdout, stderr } = await runProgram('realms', [], { nodeOptions });
    assert.deepEqual([stderr, stdout.trim()], ['', '[0,1,0]']);
  });
});
