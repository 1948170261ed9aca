/** Whether the reason that a connection was closed for can be true. */

import type { CloseReason } from 'overlapped';
import { NEVER, TICK_MS } from '../../src/engine/scheduling/timer-wheel.js';
import type { EngineSide } from './side.js';

/** Reasons that come with an error, and always do. */
const WITH_ERROR: ReadonlySet<CloseReason> = new Set([
  'peer_reset',
  'error',
  'handler_error',
  'write_queue_full',
  'engine_queue_full',
  'held_full',
  'engine_held_full',
  'tls_error',
  'framing_error',
]);

/** A timeout of this many ticks never fires earlier than this after its start, in ms. */
function leastMs(ticks: number): number {
  return ticks === NEVER ? Infinity : (ticks - 1) * TICK_MS - TICK_MS;
}

/** The condition for each close reason. */
const TRUE_IF: Readonly<Partial<Record<CloseReason, (side: EngineSide) => boolean>>> = {
  finished: ({ incoming, connection, outgoing }) =>
    incoming.endSeen && !connection.writable && connection.bytesWritten === outgoing.sentBytes,
  destroyed: ({ deeds }) => deeds.destroyed,
  reset: ({ deeds }) => deeds.reset,
  handler_error: ({ deeds }) => deeds.threw,
  idle_timeout: ({ world, dataAt, openedAt, connection }) =>
    world.now() - Math.max(dataAt, openedAt) >= leastMs(connection.group.limits.idleTicks),
  first_byte_timeout: ({ world, openedAt, incoming, connection }) =>
    incoming.received === 0 && world.now() - openedAt >= leastMs(connection.group.limits.firstByteTicks),
  write_stall: ({ world, openedAt, queuedSince, connection, outgoing }) =>
    // A peer may also take nothing of the handshake's last bytes.
    (connection.tls !== undefined || outgoing.sentBytes > connection.bytesWritten) &&
    world.now() - (connection.tls === undefined ? queuedSince : openedAt) >=
      leastMs(connection.group.limits.writeStallTicks),
  half_closed_timeout: ({ endAt, world, connection }) =>
    world.now() - endAt >= leastMs(connection.group.limits.halfClosedTicks),
  shutdown_timeout: ({ connection, incoming, world, openedAt }) =>
    !connection.writable &&
    !incoming.endSeen &&
    world.now() - openedAt >= leastMs(connection.group.limits.shutdownTicks),
  // Only a peer that is no engine's sends what is no message, or ends in the middle of one.
  framing_error: ({ incoming }) => incoming.isForeign,
  tls_error: ({ incoming }) => incoming.harmed || incoming.sender?.leavesWell !== true,
  deadline: ({ deeds, world }) => world.now() >= deeds.deadlineAt,
  write_queue_full: ({ outgoing, connection }) =>
    outgoing.sentBytes - connection.bytesWritten > connection.group.limits.queuedBytesMax,
  held_full: ({ connection }) => connection.group.limits.heldBytesMaxGiven,
  engine_held_full: ({ connection }) => connection.group.engine.held.bytesMax <= 4000,
  engine_queue_full: ({ world, outgoing, connection }) =>
    outgoing.sentBytes > connection.bytesWritten &&
    connection.group.engine.writes.queuedBytes <= connection.group.engine.writes.bytesMax + world.writeBytesMax,
};

export function checkReason(side: EngineSide, reason: CloseReason, withError: boolean): void {
  const { world, name } = side;
  const isTrue = TRUE_IF[reason]?.(side) ?? true;
  world.check(isTrue, () => `${name}: closed as ${reason}, which cannot be`);
  // `destroy` may have been given one.
  const expected = WITH_ERROR.has(reason);
  world.check(
    reason === 'destroyed' || withError === expected,
    () => `${name}: closed as ${reason} ${withError ? 'with' : 'without'} an error`,
  );
}
