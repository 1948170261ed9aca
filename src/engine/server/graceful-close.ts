/** The graceful close of a server: its connections are asked to end, and those left at the deadline are reset. */

import { queueMicrotask } from '../../base/runtime.js';
import { close } from '../connection-core/close.js';
import { emit } from '../connection-core/emit.js';
import type { ConnectionRecord } from '../connection-core/record.js';
import { requestFinWhenDone } from '../connection-core/shutdown.js';
import { CLOSING, LINGERING } from '../connection-core/state.js';
import type { EngineCore } from '../engine-core.js';
import { Alarm } from '../scheduling/timer-wheel.js';

/** How long `close` waits for connections to finish by default, in ms. */
export const DEADLINE_MS = 10_000;

/** Options of a server's `close`. */
export interface CloseOptions {
  /** How long connections may take to finish before they are reset, in ms; 10,000 by default, 0 resets them at once. */
  readonly deadlineMs?: number;
}

/** The part of a server that closing needs. */
export interface ClosableServer {
  readonly engine: EngineCore;
  /** Its connections, a set that shrinks as they close. */
  readonly connections: ReadonlySet<ConnectionRecord>;
  /** Whether its listener and all of its connections are closed. */
  readonly empty: boolean;
  stopListening(): void;
  /** Called once, when it is empty after `close`. */
  ended(): void;
}

export class GracefulClose {
  readonly #server: ClosableServer;
  readonly #deadline = new Alarm(() => this.#resetAll());
  #promise: Promise<void> | undefined;
  #resolve: () => void = () => undefined;
  /** The server and all of its connections are closed. */
  ended = false;

  constructor(server: ClosableServer) {
    this.#server = server;
  }

  /** Begins to close, or changes the deadline, in ms from now. Resolves when everything is closed. */
  close(deadlineMs: number): Promise<void> {
    if (this.#promise === undefined) {
      this.#promise = new Promise((resolve) => {
        this.#resolve = resolve;
      });
      this.#server.stopListening();
      this.#askToEnd();
      // Also when nothing is open: the caller must have the promise first.
      queueMicrotask(() => this.endIfEmpty());
    }
    this.#setDeadline(deadlineMs);
    return this.#promise;
  }

  #askToEnd(): void {
    for (const connection of this.#server.connections) {
      if (connection.handlers.serverClosing === undefined) {
        requestFinWhenDone(connection);
      } else if ((connection.flags & (CLOSING | LINGERING)) === 0) {
        // Not for a connection that a handler of another one closed a moment ago: it hears only its own close.
        emit(connection, 'serverClosing');
      }
    }
  }

  #setDeadline(deadlineMs: number): void {
    if (deadlineMs === 0) {
      this.#resetAll();
    } else if (!this.ended) {
      this.#server.engine.scheduler.setAlarm(this.#deadline, deadlineMs);
    }
  }

  #resetAll(): void {
    for (const connection of this.#server.connections) {
      close(connection, 'drain_deadline');
    }
  }

  /** Something has closed: the listener, or a connection. */
  endIfEmpty(): void {
    if (this.#promise === undefined || this.ended || !this.#server.empty) {
      return;
    }
    this.ended = true;
    this.#server.engine.wheel.remove(this.#deadline);
    this.#server.ended();
    this.#resolve();
  }
}
