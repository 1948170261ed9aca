/** Options of a port, checked at once: a wrong one is an error that says what was found and what is wanted. */

import type { DriverSource } from '../drivers/driver.js';
import { OperationError, textOf } from '../drivers/error.js';
import { OPERATIONS_MAX } from './operations.js';

export interface CompletionPortOptions {
  /**
   * `iocp`, `io_uring`, `epoll`, `select`, or `auto` (default): the first of them that this system can run. Or a driver
   * of one's own: a simulated network.
   */
  readonly driver?: string | DriverSource;
  /** Receive buffers of the port, 1 to 32,768; 1,024 unless told. */
  readonly buffersMax?: number;
  /** Bytes of a receive buffer, 64 to 1 MiB in steps of 64; 64 KiB unless told. All buffers together: at most 2 GiB. */
  readonly bufferSizeBytes?: number;
  /** Operations that may be in flight together, 256 to 2^24; 2^20 unless told. */
  readonly operationsMax?: number;
  /** Entries of io_uring's submission ring, 8 to 32,768, a power of two; 4,096 unless told. The completion ring has four times as many. */
  readonly submissionEntries?: number;
  /** Fills released receive buffers, so that reading one too late shows. Off unless told. */
  readonly fillReleasedBuffers?: boolean;
  /** Optional system features to do without, by the names in `CompletionPort.features` (for tests). */
  readonly withhold?: readonly string[];
}

/** The most bytes of all receive buffers together. */
const POOL_BYTES_MAX = 2 ** 31;

export type CheckedOptions = Required<CompletionPortOptions>;

function checkWhole(name: string, value: number, least: number, most: number, step = 1): void {
  if (!Number.isInteger(value) || value < least || value > most || value % step !== 0) {
    const steps = step === 1 ? '' : ` in steps of ${step}`;
    throw new OperationError({
      code: 'ERR_OUT_OF_RANGE',
      reason: `${name}: expected a whole number from ${least} to ${most}${steps}, got ${textOf(value)}`,
      syscall: 'create port',
    });
  }
}

/** @throws OperationError `ERR_OUT_OF_RANGE` */
export function checkOptions(options: CompletionPortOptions): CheckedOptions {
  const checked: CheckedOptions = {
    driver: options.driver ?? 'auto',
    buffersMax: options.buffersMax ?? 1024,
    bufferSizeBytes: options.bufferSizeBytes ?? 65536,
    operationsMax: options.operationsMax ?? 2 ** 20,
    submissionEntries: options.submissionEntries ?? 4096,
    fillReleasedBuffers: options.fillReleasedBuffers ?? false,
    withhold: options.withhold ?? [],
  };
  checkWhole('buffersMax', checked.buffersMax, 1, 32768);
  checkWhole('bufferSizeBytes', checked.bufferSizeBytes, 64, 2 ** 20, 64);
  if (checked.buffersMax * checked.bufferSizeBytes > POOL_BYTES_MAX) {
    throw new OperationError({
      code: 'ERR_OUT_OF_RANGE',
      reason: `buffersMax * bufferSizeBytes: expected at most ${POOL_BYTES_MAX}, got ${checked.buffersMax * checked.bufferSizeBytes}`,
      syscall: 'create port',
    });
  }
  checkWhole('operationsMax', checked.operationsMax, 256, OPERATIONS_MAX);
  checkWhole('submissionEntries', checked.submissionEntries, 8, 32768);
  if ((checked.submissionEntries & (checked.submissionEntries - 1)) !== 0) {
    throw new OperationError({
      code: 'ERR_OUT_OF_RANGE',
      reason: `submissionEntries: expected a power of two, got ${checked.submissionEntries}`,
      syscall: 'create port',
    });
  }
  return checked;
}
