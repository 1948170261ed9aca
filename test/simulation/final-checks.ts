/** Invariants of an engine whose connections and servers are all closed: nothing is left behind. */

import type { Engine } from 'overlapped';
import type { World } from './world.js';

export function checkEngine(world: World, engine: Engine): void {
  const nothing = (what: string, left: number): void =>
    world.check(left === 0, () => `${left} ${what} left in an engine`);
  const same = (what: string, posted: number, completed: number): void =>
    world.check(posted === completed, () => `${posted} ${what} posted, ${completed} completed`);
  const { port, counters } = engine.core;
  const statistics = port.statistics();
  nothing('sockets are', statistics.sockets);
  nothing('operations in flight are', statistics.operationsInFlight);
  nothing('completions are', statistics.completionsQueued);
  nothing('receive buffers are', statistics.buffersLent);
  nothing('send blocks are', statistics.sendBlocksHeld);
  nothing('late completions are', statistics.lateCompletions);
  nothing('write chunks are', engine.core.writes.blocksHeld);
  nothing('entries of the timer wheel are', engine.core.wheel.count);
  nothing('queued bytes are', engine.queuedBytes);
  nothing('held bytes are', engine.heldBytes);
  nothing('connections that hold much are', engine.core.held.mostHeld() === undefined ? 0 : 1);
  nothing('references are', engine.core.references);
  nothing('laden connections are', engine.core.writes.mostQueued() === undefined ? 0 : 1);
  same('connects', counters.connectsPosted, counters.connectsCompleted);
  same('sends', counters.sendsPosted, counters.sendsCompleted);
  same('shutdowns', counters.shutdownsPosted, counters.shutdownsCompleted);
  if (!world.network.multishot) {
    same('receives', counters.receivesPosted, counters.receivesCompleted);
  }
  const { opened, closed, closesByReason } = engine.core.clientCounters;
  same('clients', opened, closed);
  const reasons = Object.values(closesByReason).reduce((sum, times) => sum + times, 0);
  same('reasons of clients', closed, reasons);
}
