/** Options of a port, checked at once: a wrong one is an error that says what was found and what is wanted. */

import { OperationError } from '../base/errors.js';
import { checkWhole, type WholeRange } from '../base/validate.js';
import type { DriverSource } from '../drivers/driver.js';
import { OPERATIONS_MAX } from './operations.js';

/** Options of `CompletionPort.create`. */
export interface CompletionPortOptions {
  /**
   * `iocp`, `io_uring`, `epoll`, `select`, or `auto` (default): the first of them that this system can run. Or a driver
   * of one's own: a simulated network.
   */
  readonly driver?: string | DriverSource;
  /** Receive buffers of the port, 1 to 32,768; 1,024 unless told. */
  readonly bufferCount?: number;
  /** Bytes of a receive buffer, 64 to 1 MiB in steps of 64; 64 KiB unless told. All buffers together: at most 2 GiB. */
  readonly bufferSizeBytes?: number;
  /** Operations that may be in flight together, 256 to 2^24; 2^20 unless told. */
  readonly operationsMax?: number;
  /** Entries of io_uring's submission ring, 8 to 32,768, a power of two; 4,096 unless told. The completion ring has four times as many. */
  readonly submissionEntries?: number;
  /** Fills released receive buffers, so that reading one too late shows. Off unless told. */
  readonly poisonReleasedBuffers?: boolean;
  /** Optional system features to do without, by the names in `CompletionPort.features` (for tests). */
  readonly disabledFeatures?: readonly string[];
}

/** The most bytes of all receive buffers together. */
const POOL_BYTES_MAX = 2 ** 31;

export type CheckedOptions = Required<CompletionPortOptions>;

/** @throws OperationError `ERR_OUT_OF_RANGE` */
export function checkOptions(options: CompletionPortOptions): CheckedOptions {
  const checked: CheckedOptions = {
    driver: options.driver ?? 'auto',
    bufferCount: options.bufferCount ?? 1024,
    bufferSizeBytes: options.bufferSizeBytes ?? 65536,
    operationsMax: options.operationsMax ?? 2 ** 20,
    submissionEntries: options.submissionEntries ?? 4096,
    poisonReleasedBuffers: options.poisonReleasedBuffers ?? false,
    disabledFeatures: options.disabledFeatures ?? [],
  };
  const check = (name: keyof CheckedOptions, range: WholeRange): void =>
    checkWhole(name, checked[name], range, 'create port');
  check('bufferCount', { least: 1, most: 32768 });
  check('bufferSizeBytes', { least: 64, most: 2 ** 20, step: 64 });
  if (checked.bufferCount * checked.bufferSizeBytes > POOL_BYTES_MAX) {
    throw new OperationError({
      code: 'ERR_OUT_OF_RANGE',
      reason: `bufferCount * bufferSizeBytes: expected at most ${POOL_BYTES_MAX}, got ${checked.bufferCount * checked.bufferSizeBytes}`,
      syscall: 'create port',
    });
  }
  check('operationsMax', { least: 256, most: OPERATIONS_MAX });
  check('submissionEntries', { least: 8, most: 32768 });
  if ((checked.submissionEntries & (checked.submissionEntries - 1)) !== 0) {
    throw new OperationError({
      code: 'ERR_OUT_OF_RANGE',
      reason: `submissionEntries: expected a power of two, got ${checked.submissionEntries}`,
      syscall: 'create port',
    });
  }
  return checked;
}
