/** The pump of a port, whose event loop calls at inconvenient times. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../src/base/clock.js';
import type { LoopWatch, OnReady } from '../../../src/drivers/driver.js';
import { Pump } from '../../../src/port/running/pump.js';
import type { RunnablePort } from '../../../src/port/running/rounds.js';

test('a turn that comes while the watch is being closed stops the pump, and closes the watch once', () => {
  let closes = 0;
  let closed = false;
  const port: RunnablePort = {
    get isClosed() {
      return closed;
    },
    failure: undefined,
    clock: systemClock,
    dueAt: Infinity,
    rests: false,
    seesArrivals: false,
    operationsInFlight: 0,
    getQueuedCompletions: () => 0,
    hasWork: () => false,
    putBack: () => undefined,
    watch: (onReady: OnReady): LoopWatch => ({
      kind: 'test',
      arm: () => undefined,
      ref: () => undefined,
      unref: () => undefined,
      close() {
        closes++;
        assert.equal(closes, 1);
        onReady();
      },
    }),
  };
  const pump = new Pump(port, () => undefined, {}, true);
  pump.start();
  closed = true;
  pump.portClosed();
  assert.deepEqual([closes, pump.watchKind], [1, undefined]);
  pump.stop();
});
