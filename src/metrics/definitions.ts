/** The metrics of servers and engines: their names by Prometheus' conventions, and the statistics that they read. */

import type { EngineStatistics, ServerStatistics } from '../engine/statistics.js';

/** The value of a metric: one number, or one for each value of a label. */
type Reading = number | Readonly<Record<string, number>>;

export interface Definition<Statistics> {
  readonly type: 'counter' | 'gauge';
  /** Without the prefix. */
  readonly name: string;
  readonly help: string;
  /** The label whose values are the keys of a record. */
  readonly label?: string;
  readonly read: (statistics: Statistics) => Reading;
}

const MS_PER_SECOND = 1000;

export const SERVER_METRICS: readonly Definition<ServerStatistics>[] = [
  {
    type: 'gauge',
    name: 'connections',
    help: 'Number of open connections.',
    read: ({ connections }) => connections.open,
  },
  {
    type: 'counter',
    name: 'connections_opened_total',
    help: 'Connections that the server has opened since it started.',
    read: ({ connections }) => connections.opened,
  },
  {
    type: 'counter',
    name: 'connections_closed_total',
    help: 'Connections that were closed or refused, by reason.',
    label: 'reason',
    read: ({ connections }) => connections.closesByReason,
  },
  {
    type: 'counter',
    name: 'received_bytes_total',
    help: 'Bytes that were delivered to handlers.',
    read: ({ bytesRead }) => bytesRead,
  },
  {
    type: 'counter',
    name: 'sent_bytes_total',
    help: 'Bytes that the operating system has accepted for sending.',
    read: ({ bytesWritten }) => bytesWritten,
  },
  {
    type: 'counter',
    name: 'chunks_received_total',
    help: 'Chunks of received bytes that were delivered.',
    read: ({ messagesRead }) => messagesRead,
  },
  { type: 'counter', name: 'writes_total', help: 'Calls of write on connections.', read: ({ writes }) => writes },
  {
    type: 'counter',
    name: 'handler_errors_total',
    help: 'Calls of handlers that threw or returned a rejected promise.',
    read: ({ handlerErrors }) => handlerErrors,
  },
  {
    type: 'counter',
    name: 'errors_total',
    help: 'Errors of connections, by error code.',
    label: 'code',
    read: ({ errorsByCode }) => errorsByCode,
  },
  {
    type: 'counter',
    name: 'tls_handshakes_total',
    help: 'TLS handshakes that were done.',
    read: ({ tls }) => tls.handshakes,
  },
  {
    type: 'counter',
    name: 'tls_resumed_total',
    help: 'TLS handshakes that resumed a session.',
    read: ({ tls }) => tls.resumed,
  },
  {
    type: 'counter',
    name: 'tls_failed_total',
    help: 'TLS handshakes that failed, by error code.',
    label: 'code',
    read: ({ tls }) => tls.failedByCode,
  },
];

export const ENGINE_METRICS: readonly Definition<EngineStatistics>[] = [
  {
    type: 'counter',
    name: 'engine_operations_posted_total',
    help: 'Operations that were posted, by kind.',
    label: 'kind',
    read: ({ operationsPosted }) => ({ ...operationsPosted }),
  },
  {
    type: 'counter',
    name: 'engine_completions_total',
    help: 'Completions of operations, by kind. One operation can have several completions.',
    label: 'kind',
    read: ({ completions }) => ({ ...completions }),
  },
  {
    type: 'gauge',
    name: 'engine_operations_in_flight',
    help: 'Number of operations in flight.',
    read: ({ operationsInFlight }) => operationsInFlight,
  },
  {
    type: 'gauge',
    name: 'engine_buffers_lent',
    help: 'Number of receive buffers in use.',
    read: ({ buffersLent }) => buffersLent,
  },
  {
    type: 'gauge',
    name: 'engine_queued_bytes',
    help: 'Written bytes that the operating system has not accepted yet.',
    read: ({ queuedBytes }) => queuedBytes,
  },
  {
    type: 'gauge',
    name: 'engine_held_bytes',
    help: 'Bytes of memory for received but undelivered data, incomplete messages, and subscriptions.',
    read: ({ heldBytes }) => heldBytes,
  },
  {
    type: 'counter',
    name: 'engine_receives_delayed_total',
    help: 'Receives that had to wait for a free buffer.',
    read: ({ receivesDelayed }) => receivesDelayed,
  },
  {
    type: 'counter',
    name: 'engine_accepts_delayed_total',
    help: 'Accepts that had to wait for a free descriptor.',
    read: ({ acceptsDelayed }) => acceptsDelayed,
  },
  {
    type: 'counter',
    name: 'engine_rounds_total',
    help: 'Rounds of the engine: batches of completions.',
    read: ({ rounds }) => rounds,
  },
  {
    type: 'counter',
    name: 'engine_handlers_seconds_total',
    help: 'Seconds spent dispatching completions, mostly in handlers.',
    read: ({ handlersMs }) => handlersMs / MS_PER_SECOND,
  },
];
