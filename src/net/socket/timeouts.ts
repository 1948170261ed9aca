/** The time limit of a silent socket. Timers are Node's: they have its precision, order and overflow. */

import { clearTimeout, process, setTimeout } from '../../base/runtime.js';
import { invalidArgType, outOfRange } from '../errors.js';
import { NODE_TIMER } from '../node-net.js';
import { type NetSocket, type SocketState, STATE } from './state.js';

/** The longest time of a timer, in ms. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

/** The time of a timer, checked as by `timers.setTimeout` of a socket. */
function checkedDuration(msecs: unknown): number {
  if (typeof msecs !== 'number') {
    throw invalidArgType('msecs', 'of type number', msecs);
  }
  if (!(msecs >= 0) || msecs === Infinity) {
    throw outOfRange('msecs', 'a non-negative finite number', msecs);
  }
  if (msecs > TIMEOUT_MAX_MS) {
    const message = `${msecs} does not fit into a 32-bit signed integer.\nTimer duration was truncated to ${TIMEOUT_MAX_MS}.`;
    process.emitWarning(message, 'TimeoutOverflowWarning');
    return TIMEOUT_MAX_MS;
  }
  return msecs;
}

function checkCallback(callback: unknown): void {
  if (typeof callback !== 'function') {
    throw invalidArgType('callback', 'of type function', callback);
  }
}

type Listener = (...args: unknown[]) => void;

/** Emits `timeout`, unless the time limit was removed since. */
function timerFired(state: SocketState): void {
  if (state.timeoutMs > 0) {
    state.socket._onTimeout();
  }
}

function newTimer(state: SocketState): NodeJS.Timeout {
  return setTimeout(timerFired, state.timeoutMs, state).unref();
}

/**
 * Begins the time. A timer of the same time is used again: an http server sets and removes its keep-alive limit with each
 * request. So it belongs to the context of the connection, unless the program's callback brings its own.
 */
function startTimer(state: SocketState, hasCallback: boolean): void {
  const { socket, timer, connection, timeoutMs } = state;
  if (timer !== undefined && state.timerMs === timeoutMs && !hasCallback) {
    timer.refresh();
    return;
  }
  clearTimeout(timer);
  state.timer =
    connection === undefined || hasCallback
      ? newTimer(state)
      : connection.group.context.enter(newTimer, undefined, state);
  state.timerMs = hasCallback ? 0 : timeoutMs;
  if (NODE_TIMER !== undefined) {
    (socket as unknown as Record<symbol, NodeJS.Timeout>)[NODE_TIMER] = state.timer;
  }
}

/** Sets the time limit, for `socket.setTimeout`. */
export function setSocketTimeout(socket: NetSocket, msecs: unknown, callback: unknown): void {
  if (socket.destroyed) {
    return;
  }
  const state = socket[STATE];
  socket.timeout = msecs as number;
  const duration = checkedDuration(msecs);
  state.timeoutMs = duration;
  if (duration > 0) {
    startTimer(state, callback !== undefined);
  }
  if (callback !== undefined) {
    checkCallback(callback);
    if (duration > 0) {
      socket.once('timeout', callback as Listener);
    } else {
      socket.removeListener('timeout', callback as Listener);
    }
  }
}

/** Something happened on the socket: its time begins again. */
export function refreshTimeout(socket: NetSocket): void {
  for (let each: NetSocket | null | undefined = socket; each; each = each._parent) {
    const state = each[STATE];
    if (state !== undefined && state.timeoutMs > 0) {
      state.timer?.refresh();
    }
  }
}

/** The time is over. A write that has made progress since begins it again. */
export function timeIsUp(socket: NetSocket): void {
  const state = socket[STATE];
  const progress = state.writer?.progress ?? 0;
  if (progress > 0 && progress !== state.timerProgress) {
    state.timerProgress = progress;
    socket._unrefTimer();
    return;
  }
  socket.emit('timeout');
}
