/** The metrics of servers and engines: their names as Prometheus wants them, and where each is in the statistics. */

import type { EngineStatistics, ServerStatistics } from '../engine/statistics.js';

/** What is read of the statistics: one number, or one for each value of a label. */
type Reading = number | Readonly<Record<string, number>>;

export interface Definition<Statistics> {
  readonly type: 'counter' | 'gauge';
  /** Without the prefix. */
  readonly name: string;
  readonly help: string;
  /** The label that tells the numbers of a record apart. */
  readonly label?: string;
  readonly read: (statistics: Statistics) => Reading;
}

const MS_PER_SECOND = 1000;

export const SERVER_METRICS: readonly Definition<ServerStatistics>[] = [
  {
    type: 'gauge',
    name: 'connections',
    help: 'Connections that are open.',
    read: ({ connections }) => connections.open,
  },
  {
    type: 'counter',
    name: 'connections_opened_total',
    help: 'Connections that were taken.',
    read: ({ connections }) => connections.opened,
  },
  {
    type: 'counter',
    name: 'connections_closed_total',
    help: 'Connections that are closed, and connections that were not taken, by reason.',
    label: 'reason',
    read: ({ connections }) => connections.closesByReason,
  },
  {
    type: 'counter',
    name: 'received_bytes_total',
    help: 'Bytes handed to handlers.',
    read: ({ bytesRead }) => bytesRead,
  },
  {
    type: 'counter',
    name: 'sent_bytes_total',
    help: 'Bytes that the system has taken.',
    read: ({ bytesWritten }) => bytesWritten,
  },
  {
    type: 'counter',
    name: 'chunks_received_total',
    help: 'Calls of the handler data.',
    read: ({ messagesRead }) => messagesRead,
  },
  { type: 'counter', name: 'writes_total', help: 'Calls of write.', read: ({ writes }) => writes },
  {
    type: 'counter',
    name: 'handler_errors_total',
    help: 'Handlers that threw or rejected.',
    read: ({ handlerErrors }) => handlerErrors,
  },
  {
    type: 'counter',
    name: 'errors_total',
    help: 'Errors of connections, by code.',
    label: 'code',
    read: ({ errorsByCode }) => errorsByCode,
  },
];

export const ENGINE_METRICS: readonly Definition<EngineStatistics>[] = [
  {
    type: 'counter',
    name: 'engine_operations_posted_total',
    help: 'Operations posted, by kind.',
    label: 'kind',
    read: ({ operationsPosted }) => ({ ...operationsPosted }),
  },
  {
    type: 'counter',
    name: 'engine_completions_total',
    help: 'Completions of operations, by kind. One operation may have many.',
    label: 'kind',
    read: ({ completions }) => ({ ...completions }),
  },
  {
    type: 'gauge',
    name: 'engine_operations_in_flight',
    help: 'Operations that have not ended.',
    read: ({ operationsInFlight }) => operationsInFlight,
  },
  {
    type: 'gauge',
    name: 'engine_buffers_lent',
    help: 'Receive buffers in use.',
    read: ({ buffersLent }) => buffersLent,
  },
  {
    type: 'gauge',
    name: 'engine_queued_bytes',
    help: 'Bytes written that the system has not taken yet.',
    read: ({ queuedBytes }) => queuedBytes,
  },
  {
    type: 'gauge',
    name: 'engine_held_bytes',
    help: 'Memory that holds what was received and not delivered, unfinished messages, and subscriptions.',
    read: ({ heldBytes }) => heldBytes,
  },
  {
    type: 'counter',
    name: 'engine_receives_delayed_total',
    help: 'Receives that waited for a buffer.',
    read: ({ receivesDelayed }) => receivesDelayed,
  },
  {
    type: 'counter',
    name: 'engine_accepts_delayed_total',
    help: 'Accepts that waited for a descriptor.',
    read: ({ acceptsDelayed }) => acceptsDelayed,
  },
  { type: 'counter', name: 'engine_turns_total', help: 'Rounds of the loop.', read: ({ turns }) => turns },
  {
    type: 'counter',
    name: 'engine_handlers_seconds_total',
    help: 'Time in dispatching completions, handlers above all.',
    read: ({ handlersMs }) => handlersMs / MS_PER_SECOND,
  },
];
