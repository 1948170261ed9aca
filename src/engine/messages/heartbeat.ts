/** Heartbeats: ping idle peers and close those that do not answer. */

import type { Buffer } from 'node:buffer';
import { aFunction, aNumber, anything, type Check } from '../../base/validate.js';
import { handlerFailed } from '../connection-core/handler-errors.js';
import type { ConnectionRecord, PeerHeartbeat } from '../connection-core/record.js';
import { isWritable } from '../connection-core/state.js';
import { NEVER, tickAfter, ticksOf } from '../scheduling/timer-wheel.js';
import { sendMessage } from './send-message.js';

/** Options of a heartbeat: silent peers are pinged, and closed if they do not answer. */
export interface HeartbeatOptions<Message = Buffer, Sent = Message> {
  /**
   * A ping is sent after this time without a byte from the peer, in ms; 1 to Infinity.
   * @default 30000
   */
  readonly intervalMs?: number;
  /**
   * After this many pings without an answer, one in each interval, the connection is closed, `heartbeat`. A whole number from
   * 1 to 1,000.
   * @default 2
   */
  readonly missedMax?: number;
  /** The ping: a message, or a function that returns one. */
  readonly ping: Sent | (() => Sent);
  /** Whether a message is the answer to a ping. It is not passed to `message`. Any byte received counts as a sign of life. */
  isPong?(message: Message): boolean;
  /** Whether a message is a ping of the peer. It is answered with `pong`, and not passed to `message`. */
  isPing?(message: Message): boolean;
  /** The answer to a ping of the peer: a message, or a function that returns one. */
  readonly pong?: Sent | ((ping: Message) => Sent);
}

const INTERVAL_MS = 30_000;
const MISSED_MAX = 2;

export const HEARTBEAT_OPTIONS = {
  intervalMs: aNumber({ least: 1, most: Infinity }),
  missedMax: aNumber({ least: 1, most: 1000, whole: true }),
  ping: anything,
  isPong: aFunction,
  isPing: aFunction,
  pong: anything,
} as const satisfies Record<keyof HeartbeatOptions, Check>;

function made(message: unknown, argument: unknown): unknown {
  return typeof message === 'function' ? message(argument) : message;
}

export class Heartbeat implements PeerHeartbeat {
  readonly intervalTicks: number;
  readonly #missedMax: number;
  readonly #options: HeartbeatOptions<unknown>;

  constructor(options: HeartbeatOptions<unknown>) {
    this.intervalTicks = ticksOf(options.intervalMs ?? INTERVAL_MS);
    this.#missedMax = options.missedMax ?? MISSED_MAX;
    this.#options = options;
  }

  /** The tick when a connection has been silent for too long. */
  dueTick(connection: ConnectionRecord): number {
    const { messages, receivedTick } = connection;
    return messages === undefined ? NEVER : tickAfter(Math.max(receivedTick, messages.pingTick), this.intervalTicks);
  }

  /** That tick is here: sends a ping, unless too many were not answered. @returns whether the connection stays open */
  goesOn(connection: ConnectionRecord): boolean {
    const { messages, receivedTick } = connection;
    if (messages === undefined) {
      return true;
    }
    if (receivedTick >= messages.pingTick) {
      messages.missed = 0;
    }
    if (messages.missed >= this.#missedMax) {
      return false;
    }
    messages.missed++;
    messages.pingTick = connection.group.engine.wheel.tick;
    if (isWritable(connection)) {
      this.#ping(connection);
    }
    return true;
  }

  /** Called in a turn of the engine, not by the framing, so the program's context must be entered. */
  #ping(connection: ConnectionRecord): void {
    const { ping } = this.#options;
    try {
      connection.group.context.run(() => sendMessage(connection, made(ping, undefined)), undefined);
    } catch (error) {
      handlerFailed(connection, error, 'heartbeat');
    }
  }

  /** The connection reads again after a pause. A whole interval of silence was ours, and says nothing about the peer. */
  listensAgain(connection: ConnectionRecord): void {
    const { messages } = connection;
    const { tick } = connection.group.engine.wheel;
    if (messages !== undefined && this.dueTick(connection) <= tick) {
      messages.pingTick = tick;
      messages.missed = 0;
    }
  }

  /** Filters pongs and pings out of the messages, and answers a ping. @returns whether the message was one */
  answered(connection: ConnectionRecord, message: unknown): boolean {
    try {
      return this.#answered(connection, message);
    } catch (error) {
      handlerFailed(connection, error, 'heartbeat');
      return true;
    }
  }

  #answered(connection: ConnectionRecord, message: unknown): boolean {
    const { pong } = this.#options;
    if (this.#options.isPong?.(message) === true) {
      return true;
    }
    if (this.#options.isPing?.(message) !== true) {
      return false;
    }
    if (pong !== undefined && pong !== null && isWritable(connection)) {
      sendMessage(connection, made(pong, message));
    }
    return true;
  }
}
