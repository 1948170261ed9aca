/** The events of connections in the order in which handlers were called, and what must hold of each order. */

import assert from 'node:assert/strict';
import type { CloseReason, Connection, HandlerName, Handlers } from 'overlapped';
import { assertConsistent } from '../simulation/consistent.js';

type EventName = 'open' | 'data' | 'drain' | 'end' | 'serverClosing' | 'error' | 'close';

/** The events of one connection. */
export interface Life {
  readonly connection: Connection;
  /** Without repetitions of `data` and `drain`. */
  readonly events: EventName[];
  readonly errors: Error[];
  reason: CloseReason | undefined;
}

export class History {
  readonly lives = new Map<Connection, Life>();
  readonly #inconsistencies: unknown[] = [];

  /** Handlers that do what these do and are remembered. Those that are missing stay so, but for `open` and `close`. */
  recorded(handlers: Handlers): Handlers {
    const { data, drain, end, serverClosing, error } = handlers;
    const plain = (name: 'open' | 'drain' | 'end' | 'serverClosing') => (connection: Connection) => {
      this.#note(connection, name);
      return handlers[name]?.(connection);
    };
    return {
      open: plain('open'),
      ...(drain && { drain: plain('drain') }),
      ...(end && { end: plain('end') }),
      ...(serverClosing && { serverClosing: plain('serverClosing') }),
      ...(data && {
        data: (connection: Connection, chunk: Buffer) => {
          this.#note(connection, 'data');
          return data.call(handlers, connection, chunk);
        },
      }),
      ...(error && {
        error: (connection: Connection, problem: Error, ...handler: [] | [HandlerName | undefined]) => {
          this.#note(connection, 'error').errors.push(problem);
          return error.call(handlers, connection, problem, ...handler);
        },
      }),
      close: (connection: Connection, reason: CloseReason) => {
        this.#note(connection, 'close').reason = reason;
        return handlers.close?.(connection, reason);
      },
    };
  }

  #note(connection: Connection, name: EventName): Life {
    try {
      assertConsistent(connection);
    } catch (error) {
      // Thrown here, it would be an error of the handler.
      this.#inconsistencies.push(error);
    }
    let life = this.lives.get(connection);
    if (life === undefined) {
      life = { connection, events: [], errors: [], reason: undefined };
      this.lives.set(connection, life);
    }
    if (!(['data', 'drain'].includes(name) && life.events.at(-1) === name)) {
      life.events.push(name);
    }
    return life;
  }

  of(connection: Connection): Life {
    const life = this.lives.get(connection);
    assert(life !== undefined, 'The connection was never told of');
    return life;
  }

  /** Why connections were closed, in the order in which they were opened. */
  get reasons(): (CloseReason | undefined)[] {
    return [...this.lives.values()].map(({ reason }) => reason);
  }

  /** Whether each connection has been closed. */
  get complete(): boolean {
    return [...this.lives.values()].every(({ reason }) => reason !== undefined);
  }

  get incomplete(): string {
    const open = [...this.lives.values()].filter(({ reason }) => reason === undefined);
    return open.map(({ events, connection }) => `${events.join(' ')} (${connection.flags})`).join('; ');
  }

  /** The order that holds for every connection. */
  check(): void {
    assert.deepEqual(this.#inconsistencies, []);
    for (const { events, connection } of this.lives.values()) {
      const told = events.join(' ');
      assert.equal(events[0], 'open', told);
      assert.equal(events.at(-1), 'close', told);
      for (const name of ['open', 'end', 'error', 'close'] as const) {
        assert(events.filter((event) => event === name).length <= 1, `${name} once: ${told}`);
      }
      const end = events.indexOf('end');
      assert(end < 0 || !events.slice(end).includes('data'), `no data after the end: ${told}`);
      const error = events.indexOf('error');
      assert(error < 0 || error === events.length - 2, `an error just before the close: ${told}`);
      assert(connection.isClosed && connection.queuedBytes === 0);
    }
  }
}
