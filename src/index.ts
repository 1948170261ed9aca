/** overlapped: connections on a completion port, and the port itself, for TypeScript. */

export { formatAddress, type SocketAddress, type SocketFamily } from './base/address.js';
export { OperationError } from './base/errors.js';
export { type DriverReport, probeDrivers } from './drivers/choose.js';
export type { BindOptions, DriverName, DriverSource, Probe, Refusal } from './drivers/driver.js';
export { type ConnectOptions, connect } from './engine/client/connect.js';
export { CLOSE_REASONS, type CloseReason } from './engine/close-reasons.js';
export type { Connection } from './engine/connection.js';
export type { ConnectionClosed, ConnectionFailed, ConnectionOpened } from './engine/connection-core/diagnostics.js';
export type { HandlerErrorInfo, HandlerErrorSink } from './engine/connection-core/handler-errors.js';
export { Engine, type EngineOptions } from './engine/engine.js';
export type { HandlerName, Handlers } from './engine/handlers.js';
export type { ConnectionOptions } from './engine/options.js';
export type { ListenOptions } from './engine/server/listen.js';
export type { CloseOptions, Server } from './engine/server/server.js';
export type { EngineStatistics, ServerStatistics } from './engine/statistics.js';
export type { WebStreams } from './engine/streams/web-streams.js';
export type { PoolBuffer } from './port/buffer-pool.js';
export { type Completion, CompletionBatch } from './port/completion.js';
export { CompletionPort, type PortStatistics } from './port/completion-port.js';
export type { OperationKind } from './port/operations.js';
export type { CompletionPortOptions } from './port/options.js';
export type { Cancellable } from './port/posting.js';
export type { CompletionHandler, PumpOptions } from './port/pump.js';
export type { OverlappedSocket, SocketState } from './port/socket.js';
export { postWakeUp, type WakeHandle } from './port/waker.js';
export { listen } from './threads/listen.js';
export type {
  Distribution,
  ThreadedListenOptions,
  ThreadModule,
  ThreadOptions,
  ThreadPlace,
} from './threads/options.js';
export type { ThreadedServer, ThreadedStatistics, ThreadStatistics } from './threads/server.js';
export type { ServerInThread } from './threads/server-in-thread.js';
