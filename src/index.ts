/** overlapped: a completion port for TypeScript. */

export { formatAddress, type SocketAddress, type SocketFamily } from './drivers/address.js';
export { type DriverReport, probeDrivers } from './drivers/choose.js';
export type { BindOptions, DriverName, Probe } from './drivers/driver.js';
export { OperationError } from './drivers/error.js';
export type { PoolBuffer } from './port/buffer-pool.js';
export { type Completion, CompletionBatch } from './port/completion.js';
export { CompletionPort, type PortStatistics } from './port/completion-port.js';
export type { OperationKind } from './port/operations.js';
export type { CompletionPortOptions } from './port/options.js';
export type { Cancellable } from './port/posting.js';
export type { CompletionHandler, PumpOptions } from './port/pump.js';
export type { OverlappedSocket, SocketState } from './port/socket.js';
export { postWakeUp, type WakeHandle } from './port/waker.js';
