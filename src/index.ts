/** overlapped: `listen` and `connect`, on one engine for every system. The port below it is `overlapped/port`. */

import { provideSockets } from './engine/streams/duplex.js';
import { adopt } from './net/socket/adopt.js';

provideSockets(adopt);

export { formatAddress, type SocketAddress, type SocketFamily } from './base/address.js';
export { OperationError, type OperationErrorFields } from './base/errors.js';
export type { DriverChoice, DriverName, DriverSource } from './drivers/driver.js';
export { type ConnectOptions, connect } from './engine/client/connect.js';
export type { LookupAddress } from './engine/client/lookup-answer.js';
export { CLOSE_REASONS, type CloseReason } from './engine/close-reasons.js';
export type { Connection } from './engine/connection.js';
export type { ConnectionReport } from './engine/connection-report.js';
export type { Endpoint, Lookup, LookupOptions } from './engine/endpoint.js';
export { Engine, type EngineOptions } from './engine/engine.js';
export type {
  ConnectionClosed,
  ConnectionFailed,
  ConnectionOpened,
  HandlerErrorInfo,
  HandlerErrorSink,
  HandlerName,
  Handlers,
} from './engine/handlers.js';
export type {
  ConnectionLimits,
  ConnectionTimeouts,
  ConnectTimeouts,
  ListenLimits,
  TopicLimits,
} from './engine/limits.js';
export type { HeartbeatOptions } from './engine/messages/heartbeat.js';
export type { ConnectionOptions } from './engine/options.js';
export type { ConnectionTls } from './engine/secure/connection-tls.js';
export type { ConnectionFilter } from './engine/server/broadcast.js';
export type { CloseOptions } from './engine/server/graceful-close.js';
export type { ListenOptions } from './engine/server/listen.js';
export type { Server } from './engine/server/server.js';
export type { EngineStatistics, OperationCounts, ServerStatistics } from './engine/statistics.js';
export type { WebStreams } from './engine/streams/web-streams.js';
export type { Payload } from './engine/writing/payload.js';
export { listen, type PlainListenOptions } from './threads/listen.js';
export type {
  Distribution,
  ThreadedListenOptions,
  ThreadModule,
  ThreadOptions,
  ThreadPlace,
} from './threads/options.js';
export type { PlainEngineOptions } from './threads/protocol.js';
export type { ThreadedServer, ThreadedStatistics, ThreadStatistics } from './threads/server.js';
export type { ServerInThread } from './threads/server-in-thread.js';
export { createSecureContext, type SecureContext } from './tls/context.js';
export type { ContextOptions, TlsConnectOptions, TlsListenOptions, TlsOptions } from './tls/options.js';
export type { CipherInfo } from './tls/session-info.js';
