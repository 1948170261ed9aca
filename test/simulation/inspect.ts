/** Invariants of an open connection between two rounds of its engine. */

import {
  AWAITING,
  CLOSING,
  DIRTY,
  END_CALLED,
  END_EMITTED,
  FIN_POSTED,
  FIN_REQUESTED,
  FIN_SENT,
  HOLDING,
  LINGERING,
  NEEDS_DRAIN,
  PAUSED,
  PEER_FIN,
  RECEIVING,
  RESTING,
  RESUMING,
  SENDING,
} from '../../src/engine/connection-core/state.js';
import { NEVER, TICK_MS } from '../../src/engine/scheduling/timer-wheel.js';
import { assertConsistent } from './consistent.js';
import type { EngineSide } from './side.js';

/** A limit may be applied this much later: the rounding of ticks, both ways. */
const SLACK_TICKS = 3;

export function inspectConnection(side: EngineSide): void {
  const { world, name, connection } = side;
  const { flags, queuedBytes, group } = connection;
  try {
    assertConsistent(connection);
  } catch (error) {
    world.fail(`${name}: ${(error as Error).message}`);
  }
  if ((flags & CLOSING) !== 0) {
    return;
  }
  world.check(
    (flags & (RECEIVING | HOLDING | PEER_FIN | RESUMING)) !== 0 &&
      (connection.held === undefined || (flags & (HOLDING | RESUMING)) !== 0),
    () => `${name}: nobody receives (flags ${flags})`,
  );
  world.check(
    queuedBytes === 0 || (flags & (SENDING | DIRTY)) !== 0,
    () => `${name}: ${queuedBytes} bytes are queued and nobody sends (flags ${flags})`,
  );
  world.check(
    (flags & (FIN_REQUESTED | SENDING | DIRTY | FIN_POSTED | FIN_SENT)) !== FIN_REQUESTED,
    () => `${name}: its end is not sent (flags ${flags})`,
  );
  world.check(
    queuedBytes > group.limits.pressureHighWaterMarkBytes / 2 || (flags & (NEEDS_DRAIN | DIRTY)) !== NEEDS_DRAIN,
    () => `${name}: ${queuedBytes} bytes are queued, and drain is not told`,
  );
  world.check(
    !side.drainOwed || (flags & (NEEDS_DRAIN | END_CALLED | LINGERING)) !== 0,
    () => `${name}: drain is owed, and the connection has forgotten it`,
  );
  const lent = (flags & AWAITING) === 0 ? 0 : side.copiedBytes;
  const held = (connection.held ?? []).reduce(
    (sum, { buffer, bytes }) => sum + (buffer?.sizeBytes ?? bytes.length),
    lent,
  );
  world.check(
    // A framing holds the bytes of incomplete messages too.
    connection.heldBytes === held || world.framing !== undefined,
    () => `${name}: holds ${held} bytes, and ${connection.heldBytes} are counted`,
  );
  const overdue = overdueLimit(side);
  world.check(overdue === undefined, () => `${name}: ${overdue} should have ended it`);
}

/** A time limit that has run out unheard. */
function overdueLimit(side: EngineSide): string | undefined {
  const { world, connection } = side;
  const { flags, receivedTick, sentTick, phaseTick, group } = connection;
  const { limits, engine } = group;
  const tick = Math.floor(world.now() / TICK_MS);
  const late = (from: number, ticks: number): boolean => ticks < NEVER && tick > from + ticks + SLACK_TICKS;
  const wheelTick = engine.wheel.tick;
  if (late(Math.max(receivedTick, sentTick), limits.idleTicks)) {
    return `idle (${receivedTick}, ${sentTick}, ${limits.idleTicks}, now ${tick}, wheel ${wheelTick})`;
  }
  const expectsFirst =
    connection.bytesRead === 0 && connection.held === undefined && (flags & (END_EMITTED | PAUSED)) === 0;
  if (expectsFirst && late(phaseTick, limits.firstByteTicks)) {
    return 'first_byte_timeout';
  }
  if ((flags & SENDING) !== 0 && late(sentTick, limits.writeStallTicks)) {
    return 'write_stall';
  }
  if ((flags & (END_EMITTED | FIN_REQUESTED)) === END_EMITTED && late(phaseTick, limits.halfClosedTicks)) {
    return 'half_closed_timeout';
  }
  if (
    (flags & (FIN_SENT | END_EMITTED | RESTING)) === FIN_SENT &&
    late(Math.max(phaseTick, receivedTick), limits.shutdownTicks)
  ) {
    return 'shutdown_timeout';
  }
  return side.deeds.deadlineAt + SLACK_TICKS * TICK_MS < world.now() ? 'deadline' : undefined;
}
