/** An engine, as programs hold it. `EngineCore` is what runs it. */

import type { DriverName } from '../drivers/driver.js';
import { EngineCore } from './engine-core.js';
import type { EngineOptions } from './engine-options.js';
import { type EngineStatistics, engineStatistics } from './statistics.js';

export type { EngineOptions } from './engine-options.js';

/**
 * A completion port with its buffers, timers and connections. Servers and clients of a thread share one for each driver,
 * unless they are given one. It belongs to the thread that created it.
 */
export class Engine {
  /** @internal */
  readonly core: EngineCore;

  /**
   * @throws OperationError what `CompletionPort.create` throws; for a wrong option TypeError `ERR_INVALID_ARG_TYPE`,
   * `ERR_INVALID_ARG_VALUE`, RangeError `ERR_OUT_OF_RANGE`
   */
  constructor(options: EngineOptions = {}) {
    this.core = new EngineCore(options);
  }

  /** Whether the engine is closed: by `close`, or because its port has failed. */
  get isClosed(): boolean {
    return this.core.closed;
  }

  /** The driver in use. */
  get driver(): DriverName {
    return this.core.port.driver;
  }

  /** The drivers that `auto` would have preferred, each with the reason why it was not taken. */
  get skippedDrivers(): readonly string[] {
    return this.core.port.skippedDrivers;
  }

  /** Bytes written on all connections that the system has not taken yet: see `engineQueuedBytesMax`. */
  get queuedBytes(): number {
    return this.core.writes.queuedBytes;
  }

  /** Memory that holds received data on all connections, in bytes: see `engineHeldBytesMax`. */
  get heldBytes(): number {
    return this.core.held.bytes;
  }

  /** Counts since the engine was created. */
  statistics(): EngineStatistics {
    return engineStatistics(this.core);
  }

  /**
   * Closes all servers and connections of the engine, and its port. The `close` handler of each connection is still called,
   * with the reason `engine_closed`.
   */
  close(): void {
    this.core.close();
  }

  /** Closes the engine as `close()` does. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
