/** Statistics: the counts of an engine and of its connections as plain numbers of one moment. */

import type { CloseReason } from './close-reasons.js';
import type { ConnectionCounters } from './counters.js';
import type { EngineCore } from './engine-core.js';

/** Operations that are counted, by their kind. */
export interface OperationCounts {
  /** Accepts. */
  readonly accept: number;
  /** Connects. */
  readonly connect: number;
  /** Receives. */
  readonly receive: number;
  /** Sends. */
  readonly send: number;
  /** Ends of the sending side. */
  readonly shutdown: number;
}

/** The result of `server.statistics()`: plain numbers of one moment. */
export interface ServerStatistics {
  /** Counts of connections. */
  readonly connections: {
    /** Connections that are not closed. */
    readonly open: number;
    /** Connections that were ever opened. */
    readonly opened: number;
    /** Connections that were closed. */
    readonly closed: number;
    /** Closed connections, by the reason of the close. */
    readonly closesByReason: Readonly<Record<CloseReason, number>>;
  };
  /** Bytes received. */
  readonly bytesRead: number;
  /** Bytes sent. */
  readonly bytesWritten: number;
  /** Calls of `data` or `message`. */
  readonly messagesRead: number;
  /** Calls of `write`. */
  readonly writes: number;
  /** Handlers that threw or rejected. */
  readonly handlerErrors: number;
  /** Counts of TLS; 0 without it. */
  readonly tls: {
    /** Handshakes that were done. */
    readonly handshakes: number;
    /** Handshakes that resumed a session; `handshakes` includes them. */
    readonly resumed: number;
    /** Connections that were closed before their handshake was done. */
    readonly failed: number;
    /** The same by the code of the error; by the close reason where there was no error. */
    readonly failedByCode: Readonly<Record<string, number>>;
  };
  /** Errors by code. Of more than 64 codes the further ones are together under `other`. */
  readonly errorsByCode: Readonly<Record<string, number>>;
  /** Counts of the engine that the server uses. */
  readonly engine: EngineStatistics;
}

/** Numbers that all servers and connections of an engine share. */
export interface EngineStatistics {
  /** The driver in use. */
  readonly driver: string;
  /** Operations posted, by kind. */
  readonly operationsPosted: OperationCounts;
  /** Completions: an accept, or a receive of io_uring, has many. */
  readonly completions: OperationCounts;
  /** Operations posted that have not ended. */
  readonly operationsInFlight: number;
  /** Receive buffers in use. */
  readonly buffersLent: number;
  /** Receives that had to wait for a receive buffer. */
  readonly receivesDelayed: number;
  /** Accepts that had to wait for a descriptor. */
  readonly acceptsDelayed: number;
  /** Bytes written on all connections that the system has not taken yet. */
  readonly queuedBytes: number;
  /** Memory that holds what was received on all connections. */
  readonly heldBytes: number;
  /** Rounds: batches of completions that were dispatched. */
  readonly rounds: number;
  /** Time spent in dispatching completions, which is mostly in handlers, in ms. */
  readonly handlersMs: number;
}

export function engineStatistics(engine: EngineCore): EngineStatistics {
  const port = engine.port.statistics();
  const { counters } = engine;
  return {
    driver: engine.port.driver,
    operationsPosted: {
      accept: counters.acceptsPosted,
      connect: counters.connectsPosted,
      receive: counters.receivesPosted,
      send: counters.sendsPosted,
      shutdown: counters.shutdownsPosted,
    },
    completions: {
      accept: counters.acceptsCompleted,
      connect: counters.connectsCompleted,
      receive: counters.receivesCompleted,
      send: counters.sendsCompleted,
      shutdown: counters.shutdownsCompleted,
    },
    operationsInFlight: port.operationsInFlight,
    buffersLent: port.buffersLent,
    receivesDelayed: port.receivesDelayed,
    acceptsDelayed: port.acceptsDelayed,
    queuedBytes: engine.writes.queuedBytes,
    heldBytes: engine.held.bytes,
    rounds: counters.rounds,
    handlersMs: counters.handlersMs,
  };
}

export function serverStatistics(engine: EngineCore, counters: ConnectionCounters): ServerStatistics {
  const { opened, closed, closesByReason, errorsByCode } = counters;
  return {
    connections: { open: opened - closed, opened, closed, closesByReason: { ...closesByReason } },
    bytesRead: counters.bytesRead,
    bytesWritten: counters.bytesWritten,
    messagesRead: counters.messagesRead,
    writes: counters.writes,
    handlerErrors: counters.handlerErrors,
    tls: {
      handshakes: counters.handshakes,
      resumed: counters.handshakesResumed,
      failed: counters.handshakesFailed,
      failedByCode: counters.handshakeFailuresByCode,
    },
    errorsByCode,
    engine: engineStatistics(engine),
  };
}
