/** The time limits of a connection. It has at most one entry on the wheel, for the limit that is due first. */

import type { CloseReason } from '../close-reasons.js';
import { movedTick, NEVER, TICK_MS, tickAfter } from '../scheduling/timer-wheel.js';
import { close } from './close.js';
import { type ConnectionMessages, type ConnectionRecord, sideOf } from './record.js';
import {
  CLOSING,
  END_EMITTED,
  FIN_REQUESTED,
  FIN_SENT,
  LINGERING,
  OWN_IDLE_TIMEOUT,
  RESTING,
  SENDING,
} from './state.js';

/** The progress of a send in flight is checked this many times within its shortest time limit. */
const LOOKS = 8;

/**
 * Looks of all connections come together: at ticks that are multiples of a power of two, this part of the time between
 * two looks or less. Each for itself, 500 connections would wake an idle process 27 times a second, as most looks come
 * when their sends have ended long ago.
 */
const LOOK_PARTS = 4;

/** Limits of a silent peer: the next byte extends them. */
const OF_SILENCE: ReadonlySet<CloseReason> = new Set(['idle_timeout', 'heartbeat', 'shutdown_timeout']);

/** A limit that applies in the connection's state, and the tick when it runs out. */
interface Deadline {
  tick: number;
  reason: CloseReason;
}

/** The result of `firstDeadline`, one object for all calls: each caller reads it at once. */
const found: Deadline = { tick: NEVER, reason: 'idle_timeout' };

function consider(tick: number, reason: CloseReason): void {
  if (tick < found.tick) {
    found.tick = tick;
    found.reason = reason;
  }
}

/** Limits of `setIdleTimeout`, in ticks. Not a field: it would cost each connection a word, and few have one. */
const ownIdleTicks = new WeakMap<ConnectionRecord, number>();

function idleTicksOf(connection: ConnectionRecord): number {
  const { idleTicks } = connection.group.limits;
  return (connection.flags & OWN_IDLE_TIMEOUT) === 0 ? idleTicks : (ownIdleTicks.get(connection) ?? idleTicks);
}

/** Gives a connection an idle timeout of its own. */
export function setIdleTicks(connection: ConnectionRecord, ticks: number): void {
  if ((connection.flags & CLOSING) === 0) {
    ownIdleTicks.set(connection, ticks);
    connection.flags |= OWN_IDLE_TIMEOUT;
    connection.group.engine.wheel.look();
    armTimerSoon(connection);
  }
}

/** The limit of a connection that is due first. */
function firstDeadline(connection: ConnectionRecord): Deadline {
  const { flags, phaseTick, receivedTick, sentTick } = connection;
  const { limits } = connection.group;
  found.tick = connection.side.deadlineTick;
  found.reason = 'deadline';
  consider(tickAfter(Math.max(receivedTick, sentTick), idleTicksOf(connection)), 'idle_timeout');
  if (connection.bytesRead === 0 && connection.held === undefined && (flags & (END_EMITTED | RESTING)) === 0) {
    consider(tickAfter(phaseTick, limits.firstByteTicks), 'first_byte_timeout');
  }
  const { messages } = connection;
  if (messages !== undefined && (flags & (END_EMITTED | RESTING)) === 0) {
    if (messages.heartbeat !== undefined) {
      consider(messages.heartbeat.dueTick(connection), 'heartbeat');
    }
    if (messages.messageTick !== NEVER && connection.held === undefined) {
      // Held bytes may complete the message. Their delivery in the next round sets the limit again.
      consider(tickAfter(messages.messageTick, messages.messageTicks), 'message_timeout');
    }
  }
  if ((flags & SENDING) !== 0) {
    consider(tickAfter(sentTick, limits.writeStallTicks), 'write_stall');
  }
  if ((flags & (END_EMITTED | FIN_REQUESTED)) === END_EMITTED) {
    consider(tickAfter(phaseTick, limits.halfClosedTicks), 'half_closed_timeout');
  }
  if ((flags & (FIN_SENT | END_EMITTED | RESTING)) === FIN_SENT) {
    // A peer that still sends is read to its end.
    consider(tickAfter(Math.max(phaseTick, receivedTick), limits.shutdownTicks), 'shutdown_timeout');
  }
  return found;
}

/** Puts a connection on the wheel for its first limit. An earlier entry stays. */
export function armTimer(connection: ConnectionRecord): void {
  if ((connection.flags & CLOSING) !== 0) {
    return;
  }
  const { engine } = connection.group;
  let { tick } = firstDeadline(connection);
  if ((connection.flags & SENDING) !== 0) {
    tick = Math.min(tick, tickToLook(connection, engine.wheel.tick));
  }
  if (tick < NEVER && (connection.timerNext === undefined || tick < connection.dueTick)) {
    engine.wheel.set(connection, tick);
  }
}

/** The same outside a turn: one must follow, which checks the wheel. */
export function armTimerSoon(connection: ConnectionRecord): void {
  armTimer(connection);
  connection.group.engine.port.wantTurn();
}

/** Closes the connection after `ticks`, with the reason `deadline`; a later call moves that moment. */
export function setDeadline(connection: ConnectionRecord, ticks: number): void {
  if ((connection.flags & LINGERING) !== 0) {
    // Its linger time is its deadline.
    return;
  }
  const { wheel } = connection.group.engine;
  wheel.look();
  sideOf(connection).deadlineTick = tickAfter(wheel.tick, ticks);
  armTimerSoon(connection);
}

/** The time since bytes were last received or sent, in ms. */
export function idleMsOf(connection: ConnectionRecord): number {
  const { wheel } = connection.group.engine;
  // It may count ticks from a later moment, the connection's too.
  wheel.look();
  return (wheel.tick - Math.max(connection.receivedTick, connection.sentTick)) * TICK_MS;
}

/** The tick at which the progress of a send in flight is checked, when it is `tick` now. */
function tickToLook(connection: ConnectionRecord, tick: number): number {
  const ticks = Math.min(connection.group.limits.writeStallTicks, idleTicksOf(connection));
  if (ticks === NEVER) {
    return NEVER;
  }
  const between = Math.ceil(ticks / LOOKS);
  const grid = 1 << Math.max(0, 31 - Math.clz32(between / LOOK_PARTS));
  return Math.min(NEVER, (tick + between + grid - 1) & -grid);
}

/** A send was posted: puts its limit on the wheel, unless the connection has an earlier entry. */
export function armWriteStall(connection: ConnectionRecord): void {
  const { engine } = connection.group;
  const tick = tickToLook(connection, connection.sentTick);
  if (tick < NEVER && (connection.timerNext === undefined || tick < connection.dueTick)) {
    engine.wheel.set(connection, tick);
  }
}

/** A message has begun: puts its limit on the wheel, unless the connection has an earlier entry. */
export function armMessage(connection: ConnectionRecord, { messageTick, messageTicks }: ConnectionMessages): void {
  const tick = tickAfter(messageTick, messageTicks);
  if (tick < NEVER && (connection.timerNext === undefined || tick < connection.dueTick)) {
    connection.group.engine.wheel.set(connection, tick);
  }
}

/** Checks the send in flight: a slow peer takes long for all of it, but takes some of it now and then. */
function lookAtSend(connection: ConnectionRecord): void {
  const { queue, socket } = connection;
  const { engine } = connection.group;
  if (queue !== undefined) {
    const progress = engine.port.sendProgress(socket);
    if (progress !== queue.progress) {
      queue.progress = progress;
      connection.sentTick = engine.wheel.tick;
    }
  }
}

/** From now on ticks are counted from a moment that is `ticks` later. */
export function moveTicks(connection: ConnectionRecord, ticks: number): void {
  const { messages } = connection;
  connection.receivedTick = movedTick(connection.receivedTick, ticks);
  connection.sentTick = movedTick(connection.sentTick, ticks);
  connection.phaseTick = movedTick(connection.phaseTick, ticks);
  if (connection.side.deadlineTick !== NEVER) {
    sideOf(connection).deadlineTick = movedTick(connection.side.deadlineTick, ticks);
  }
  if (messages !== undefined) {
    messages.pingTick = movedTick(messages.pingTick, ticks);
    messages.messageTick = movedTick(messages.messageTick, ticks);
  }
}

/** The connection reads again. Its limits restart, as what they wait for could not arrive before. */
export function beginAnew(connection: ConnectionRecord): void {
  const { flags, messages } = connection;
  const { engine } = connection.group;
  const awaitsFirst = connection.bytesRead === 0 && (flags & (END_EMITTED | FIN_REQUESTED)) === 0;
  const awaitsEnd = (flags & (FIN_SENT | END_EMITTED)) === FIN_SENT;
  const heartbeat = (flags & END_EMITTED) === 0 ? messages?.heartbeat : undefined;
  const awaitsRest = messages !== undefined && messages.messageTick !== NEVER;
  if (!awaitsFirst && !awaitsEnd && !awaitsRest && heartbeat === undefined) {
    return;
  }
  engine.wheel.look();
  if (awaitsFirst || awaitsEnd) {
    connection.phaseTick = engine.wheel.tick;
  }
  if (awaitsRest) {
    messages.messageTick = engine.wheel.tick;
  }
  heartbeat?.listensAgain(connection);
  armTimerSoon(connection);
}

/** The wheel has reached the connection's entry: a limit has run out, or was moved meanwhile. */
export function timeIsUp(connection: ConnectionRecord): void {
  if ((connection.flags & SENDING) !== 0) {
    lookAtSend(connection);
  }
  const { tick, reason } = firstDeadline(connection);
  const { marks, wheel } = connection.group.engine;
  if (tick <= wheel.tick) {
    if (marks.some && OF_SILENCE.has(reason) && marks.lower(connection)) {
      // The peer may have sent bytes that the system holds back: they arrive before the next tick.
      wheel.set(connection, wheel.tick + 1);
      return;
    }
    runOut(connection, reason);
  } else {
    armTimer(connection);
  }
}

/** A limit has run out. A silent peer is pinged first. */
function runOut(connection: ConnectionRecord, reason: CloseReason): void {
  if ((connection.flags & LINGERING) !== 0) {
    close(connection, 'destroyed');
  } else if (reason !== 'heartbeat' || connection.messages?.heartbeat?.goesOn(connection) !== true) {
    close(connection, reason);
  } else {
    armTimer(connection);
  }
}
