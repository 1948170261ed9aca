/** The simulated network itself: its clock, its replays, and what goes wrong in it. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe } from 'node:test';
import { CompletionBatch, type CompletionPort, type OverlappedSocket } from 'overlapped/port';
import { type SimFaults, SimNetwork } from 'overlapped/sim';
import { Kernel } from '../../../src/drivers/sim/kernel/kernel.js';
import { Loop } from '../../../src/drivers/sim/loop.js';
import { bounded } from '../../contract/subject.js';
import { programPath } from '../../support/child.js';
import { connectPair, countingBytes, eventually, listenOn, withPort } from '../../support/harness.js';
import { createPort, startWorker } from '../../support/leftovers.js';
import { payloadOf, Visits } from '../../support/sim-visits.js';

const HOUR_MS = 3_600_000;

const ALL_FAULTS: Partial<SimFaults> = {
  shortReceives: 0.3,
  shortSends: 0.3,
  reorderedCompletions: 0.3,
  resets: 0.002,
  refusedConnects: 0.1,
  lostConnects: 0.1,
  noBuffers: 0.1,
  endedMultishots: 0.2,
  deliveryDelayMs: [0, 50],
  connectDelayMs: [0, 100],
  operationDelayMs: [0, 5],
  completionDelayMs: [0, 5],
  cancelDelayMs: [0, 10],
  socketsMax: 20,
};

/** The same, except that every connection lives. */
const NO_LOSSES: Partial<SimFaults> = { ...ALL_FAULTS, resets: 0, refusedConnects: 0, lostConnects: 0 };

async function visitAll(network: SimNetwork, count: number): Promise<Visits> {
  const visits = new Visits(network, count);
  await eventually(() => visits.trace !== undefined, 'the last visit');
  visits.close();
  return visits;
}

/** The result of each visit. */
function outcomes(visits: Visits): string[] {
  return visits.all.map(({ code, pieces }) => `${code} ${Buffer.concat(pieces).byteLength}`);
}

function sendAndEnd(port: CompletionPort, socket: OverlappedSocket, data: Uint8Array): void {
  port.postSend(socket, data);
  port.postShutdown(socket);
}

describe('replay', () => {
  for (const multishot of [false, true]) {
    bounded(`one seed repeats everything, with all faults on${multishot ? ' and multishot' : ''}`, async () => {
      const run = async (seed: number): Promise<Visits> =>
        visitAll(new SimNetwork({ seed, multishot, faults: ALL_FAULTS }), 60);
      const first = await run(7);
      const again = await run(7);
      const other = await run(8);
      assert.equal(again.trace, first.trace);
      assert.deepEqual(outcomes(again), outcomes(first));
      assert.equal(again.network.now(), first.network.now());
      assert.notEqual(other.trace, first.trace);
      const codes = new Set(first.all.map(({ code }) => code));
      assert.ok(codes.has(undefined) && codes.has('ECONNREFUSED') && codes.has('ETIMEDOUT'), [...codes].join());
      for (const { index, code, pieces } of first.all) {
        const echoed = Buffer.concat(pieces);
        assert.ok(echoed.equals(payloadOf(index).subarray(0, echoed.byteLength)), `the bytes of visit ${index}`);
        assert.ok(code !== undefined || echoed.byteLength === payloadOf(index).byteLength, `all of visit ${index}`);
      }
    });
  }

  bounded('faults stop occurring when they are switched off at run time', async () => {
    const network = new SimNetwork({ faults: ALL_FAULTS });
    await visitAll(network, 20);
    network.faults = {};
    const healthy = await visitAll(network, 20);
    assert.deepEqual(
      outcomes(healthy),
      healthy.all.map(({ index }) => `undefined ${payloadOf(index).byteLength}`),
    );
  });
});

describe('the virtual clock', () => {
  bounded('a virtual hour takes no real time, for a timer, a started port and its delays', async () => {
    const network = new SimNetwork({ faults: { deliveryDelayMs: [HOUR_MS / 2, HOUR_MS / 2] } });
    const start = performance.now();
    const ticks: number[] = [];
    const tick = (): void => {
      ticks.push(network.now());
      if (network.now() < HOUR_MS) {
        network.clock.setTimer(tick, 1000);
      }
    };
    network.clock.setTimer(tick, 1000);
    await visitAll(network, 3);
    assert.equal(ticks.length, 3600);
    assert.deepEqual([ticks[0], ticks.at(-1)], [1000, HOUR_MS]);
    assert.ok(network.now() >= HOUR_MS && network.now() < 10 * HOUR_MS);
    assert.ok(performance.now() - start < 60_000);
  });

  bounded('a wait jumps to its end, or to an earlier event', () =>
    withPort({ driver: new SimNetwork({ faults: { deliveryDelayMs: [400, 400] } }) }, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      const { clock } = port;
      const before = clock.now();
      assert.equal(dequeuer.take(250), 0);
      assert.equal(clock.now(), before + 250);
      port.postSend(client, Buffer.from('x'));
      dequeuer.take(0);
      port.postReceive(server, { once: true });
      assert.equal(dequeuer.take(HOUR_MS), 1);
      assert.equal(clock.now(), before + 650);
    }),
  );

  bounded('an endless wait for an event that can never come is EDEADLK', () =>
    withPort({ driver: new SimNetwork() }, (_dequeuer, port) => {
      listenOn(port);
      assert.throws(() => port.getQueuedCompletions(new CompletionBatch(1), Infinity), { code: 'EDEADLK' });
    }),
  );

  bounded('a clock advanced by hand goes from event to event, and no further than requested', async () => {
    const network = new SimNetwork({ moves: false });
    const fired: number[] = [];
    for (const delayMs of [300, 100, 200]) {
      network.clock.setTimer(() => fired.push(network.now()), delayMs);
    }
    const cleared = network.clock.setTimer(() => fired.push(-1), 150);
    cleared.clear();
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(network.now(), 0);
    while (network.advance(250)) {}
    assert.deepEqual([fired, network.now()], [[100, 200], 250]);
    while (network.advance()) {}
    assert.deepEqual([fired, network.now()], [[100, 200, 300], 300]);
    assert.throws(() => new SimNetwork({ clock: 'real' }).advance(), { code: 'ENOTSUP' });
  });
});

describe('the real clock', () => {
  bounded('an event that becomes due while the loop checks for it is not in the past', async () => {
    let now = 0;
    const kernel = new Kernel({ real: true, now: () => now++, passTo: () => undefined }, 1);
    const delays: number[] = [];
    const setTimer = ((callback: () => void, delayMs: number) => {
      delays.push(delayMs);
      return setTimeout(callback, delayMs);
    }) as typeof setTimeout;
    const loop = new Loop(kernel, false, setTimer);
    try {
      await new Promise<void>((resolve) => {
        loop.hold.add(1);
        kernel.events.add(1, resolve);
        loop.schedule();
      });
    } finally {
      loop.hold.add(-1);
    }
    assert.ok(delays.length > 0 && delays.every((delayMs) => delayMs >= 0), `${delays}`);
  });
});

describe('faults of the network', () => {
  bounded("a lost connect times out after 130 s, or after its socket's own timeout", () =>
    withPort({ driver: new SimNetwork({ faults: { lostConnects: 1 } }) }, async (dequeuer, port) => {
      const listener = listenOn(port);
      for (const [userTimeoutMs, expectedMs] of [
        [0, 130_000],
        [5000, 5000],
      ] as const) {
        const socket = port.createSocket('ipv4');
        socket.setOption('userTimeoutMs', userTimeoutMs);
        port.associate(socket);
        const before = port.clock.now();
        port.postConnect(socket, listener.localAddress());
        dequeuer.take(HOUR_MS);
        assert.equal((await dequeuer.next('connect', socket)).code, 'ETIMEDOUT');
        assert.equal(port.clock.now() - before, expectedMs);
      }
    }),
  );

  bounded('a send that the peer never acknowledges fails with ETIMEDOUT after userTimeoutMs', () =>
    withPort({ driver: new SimNetwork() }, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer, (socket) => socket.setOption('userTimeoutMs', 7000));
      port.postSend(client, Buffer.alloc(1_000_000));
      while (dequeuer.take(HOUR_MS) === 0) {}
      assert.equal((await dequeuer.next('send')).code, 'ETIMEDOUT');
      assert.equal(port.clock.now(), 7000);
      port.postReceive(server);
      assert.equal((await dequeuer.next('receive')).code, 'ECONNRESET');
    }),
  );

  bounded('without descriptors accepts wait, and creating a socket fails', () =>
    withPort({ driver: new SimNetwork({ faults: { socketsMax: 4 } }) }, async (dequeuer, port) => {
      const listener = listenOn(port);
      const clients = [0, 1].map(() => {
        const socket = port.createSocket('ipv4');
        port.associate(socket);
        port.postConnect(socket, listener.localAddress());
        return socket;
      });
      const first = (await dequeuer.next('accept')).accepted as OverlappedSocket;
      await dequeuer.until(() => port.statistics().acceptsDelayed > 0, 'the second waits');
      assert.throws(() => port.createSocket('ipv4'), { code: 'EMFILE' });
      port.closeSocket(first);
      const second = (await dequeuer.next('accept')).accepted as OverlappedSocket;
      assert.deepEqual(second.remoteAddress(), clients[1]?.localAddress());
      assert.equal(port.statistics().sockets, 4);
    }),
  );

  bounded('bytes keep their order under all faults', () =>
    withPort({ driver: new SimNetwork({ seed: 3, multishot: true, faults: NO_LOSSES }) }, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      const data = countingBytes(500_000);
      sendAndEnd(port, client, data);
      port.postReceive(server);
      assert.ok((await dequeuer.receiveAll(server)).data.equals(data));
    }),
  );

  bounded('bytes changed before their send is taken are sent as changed', () =>
    withPort({ driver: new SimNetwork({ faults: { operationDelayMs: [5, 5] } }) }, async (dequeuer, port) => {
      const { client, server } = await connectPair(dequeuer);
      const data = Buffer.alloc(5000, 'a');
      sendAndEnd(port, client, data);
      dequeuer.take();
      data.fill('b');
      port.postReceive(server);
      assert.ok((await dequeuer.receiveAll(server)).data.equals(Buffer.alloc(5000, 'b')));
    }),
  );

  bounded('another thread cannot wake a port', async () => {
    const port = createPort({ driver: new SimNetwork() });
    const shared = new Int32Array(new SharedArrayBuffer(4));
    const worker = startWorker(programPath('waking-worker'), { handle: port.wakeHandle, shared, wakeUps: 1 });
    const [error] = (await once(worker, 'error')) as [Error];
    assert.match(error.message, /ENOTSUP.*the thread that created it/);
  });

  for (const [name, value] of [
    ['shortSends', 1.1],
    ['shortSends', -1],
    ['noBuffers', 1],
    ['deliveryDelayMs', [5, 4]],
    ['deliveryDelayMs', [0, Infinity]],
    ['socketsMax', Number.NaN],
    ['nonsense', 1],
  ] as const) {
    bounded(`a fault ${name} of ${value} is rejected`, () => {
      assert.throws(() => new SimNetwork({ faults: { [name]: value } }), {
        code: 'ERR_OUT_OF_RANGE',
        message: new RegExp(name),
      });
    });
  }
});
