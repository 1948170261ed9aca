/** Counts, cheap enough to be always on. */

import { CLOSE_REASONS, type CloseReason } from './close-reasons.js';
import type { Engine } from './engine.js';

/** Counts of the connections of one server, or of all that `connect` made. */
export class ConnectionCounters {
  opened = 0;
  closed = 0;
  bytesRead = 0;
  bytesWritten = 0;
  /** Calls of `data`, and of `write`. */
  messagesRead = 0;
  writes = 0;
  /** Handlers that threw or rejected. */
  handlerErrors = 0;
  /** How often each error was seen, by its code. */
  readonly errorsByCode: Record<string, number> = {};
  readonly closesByReason = Object.fromEntries(CLOSE_REASONS.map((reason) => [reason, 0])) as Record<
    CloseReason,
    number
  >;

  countError(code: string): void {
    this.errorsByCode[code] = (this.errorsByCode[code] ?? 0) + 1;
  }
}

export const COUNTED_KINDS = ['accept', 'connect', 'receive', 'send', 'shutdown'] as const;

export type CountedKind = (typeof COUNTED_KINDS)[number];

/** Counts of an engine. */
export class EngineCounters {
  /** Operations posted, and completions of them. One operation may have many completions. */
  readonly posted: Record<CountedKind, number> = { accept: 0, connect: 0, receive: 0, send: 0, shutdown: 0 };
  readonly completed: Record<CountedKind, number> = { accept: 0, connect: 0, receive: 0, send: 0, shutdown: 0 };
  /** Rounds of the loop: batches of completions dispatched. */
  turns = 0;
  /** Time in dispatching them, handlers above all, in ms. */
  handlersMs = 0;
}

/** What `server.statistics()` gives: plain numbers of one moment. */
export interface ServerStatistics {
  readonly connections: {
    readonly open: number;
    readonly opened: number;
    readonly closed: number;
    readonly closesByReason: Readonly<Record<CloseReason, number>>;
  };
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly messagesRead: number;
  readonly writes: number;
  readonly handlerErrors: number;
  readonly errorsByCode: Readonly<Record<string, number>>;
  readonly engine: EngineStatistics;
}

/** What all servers and connections of an engine share. */
export interface EngineStatistics {
  readonly driver: string;
  readonly operationsPosted: Readonly<Record<CountedKind, number>>;
  readonly operationsCompleted: Readonly<Record<CountedKind, number>>;
  readonly operationsInFlight: number;
  readonly buffersLent: number;
  readonly receivesDelayed: number;
  readonly acceptsDelayed: number;
  /** Bytes written on all connections that the system has not taken yet. */
  readonly queuedBytes: number;
  readonly turns: number;
  readonly handlersMs: number;
}

export function engineStatistics(engine: Engine): EngineStatistics {
  const port = engine.port.statistics;
  const { posted, completed, turns, handlersMs } = engine.counters;
  return {
    driver: engine.port.driver,
    operationsPosted: { ...posted },
    operationsCompleted: { ...completed },
    operationsInFlight: port.operationsInFlight,
    buffersLent: port.buffersLent,
    receivesDelayed: port.receivesDelayed,
    acceptsDelayed: port.acceptsDelayed,
    queuedBytes: engine.queuedBytes,
    turns,
    handlersMs,
  };
}

export function serverStatistics(engine: Engine, counters: ConnectionCounters): ServerStatistics {
  const { opened, closed, closesByReason, errorsByCode } = counters;
  return {
    connections: { open: opened - closed, opened, closed, closesByReason: { ...closesByReason } },
    bytesRead: counters.bytesRead,
    bytesWritten: counters.bytesWritten,
    messagesRead: counters.messagesRead,
    writes: counters.writes,
    handlerErrors: counters.handlerErrors,
    errorsByCode: { ...errorsByCode },
    engine: engineStatistics(engine),
  };
}
