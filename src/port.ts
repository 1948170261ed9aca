/**
 * `overlapped/port`: the completion port that the engine is built on, for protocols that post every operation themselves.
 *
 * `CompletionPort.create()` opens a port; sockets are made by it, operations are posted on it, and their completions are
 * dequeued from it. docs/completion-port.md has the contract, and examples/echo.ts is a whole program.
 */

export { formatAddress, type SocketAddress, type SocketFamily } from './base/address.js';
export { OperationError } from './base/errors.js';
export { type DriverReport, probeDrivers } from './drivers/choose.js';
export type {
  BindOptions,
  DriverChoice,
  DriverName,
  DriverSource,
  Probe,
  Refusal,
  SystemDriverName,
} from './drivers/driver.js';
export type { PoolBuffer } from './port/buffer-pool.js';
export { type Completion, CompletionBatch } from './port/completion.js';
export { CompletionPort, type PortStatistics } from './port/completion-port.js';
export type { OperationKind } from './port/operations.js';
export type { CompletionPortOptions } from './port/options.js';
export type { Cancellable } from './port/posting.js';
export type { CompletionHandler, PumpOptions } from './port/running/pump-options.js';
export type { OverlappedSocket, SocketState } from './port/socket.js';
export { postWakeUp, type WakeHandle } from './port/waker.js';
