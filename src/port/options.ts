/** Options of a port: their table of checks, and their defaults. */

import { outOfRange } from '../base/argument-errors.js';
import {
  aBoolean,
  aNumber,
  anArrayOfStrings,
  checkOptions as checkAgainst,
  namesOf,
  type OptionRules,
  type OptionTable,
  oneOf,
} from '../base/validate.js';
import { DRIVER_NAMES, type DriverChoice, type DriverSource } from '../drivers/driver.js';
import { OPERATIONS_MAX } from './operations.js';

/** Options of `CompletionPort.create`. */
export interface CompletionPortOptions {
  /**
   * The driver: `iocp`, `io_uring`, `epoll`, `select`, `node`, or `auto` for the first of them that this system can run. Or an object
   * that opens one, such as a simulated network (`SimNetwork`).
   * @default 'auto'
   */
  readonly driver?: DriverChoice | DriverSource;
  /**
   * How many receive buffers the port has, 1 to 32,768.
   * @default 1024
   */
  readonly bufferCount?: number;
  /**
   * Bytes of a receive buffer, 64 to 1 MiB in steps of 64. All buffers together have at most 2 GiB.
   * @default 65536
   */
  readonly bufferSizeBytes?: number;
  /**
   * The most operations in flight, 256 to 2^24.
   * @default 1048576
   */
  readonly operationsMax?: number;
  /**
   * Entries of io_uring's submission ring, 8 to 32,768, a power of two. The completion ring has four times as many.
   * @default 4096
   */
  readonly submissionEntries?: number;
  /**
   * Overwrites receive buffers when they are released, so that a program that reads one too late notices.
   * @default false
   */
  readonly poisonReleasedBuffers?: boolean;
  /**
   * Optional features of the system that are not used, by the names in `CompletionPort.features`: for tests.
   * @default []
   */
  readonly disabledFeatures?: readonly string[];
}

/** The most bytes of all receive buffers together. */
const POOL_BYTES_MAX = 2 ** 31;

const aDriverName = oneOf('auto', ...DRIVER_NAMES);

/** A driver's name, or an object that opens one. @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` */
export function aDriver(name: string, value: unknown): void {
  if (typeof (value as Partial<DriverSource>).open !== 'function') {
    aDriverName(name, value);
  }
}

function aRingSize(name: string, value: unknown): void {
  aNumber({ least: 8, most: 32_768, whole: true })(name, value);
  if (((value as number) & ((value as number) - 1)) !== 0) {
    throw outOfRange(name, 'a power of two', value);
  }
}

export const PORT_OPTIONS = {
  driver: aDriver,
  bufferCount: aNumber({ least: 1, most: 32_768, whole: true }),
  bufferSizeBytes: aNumber({ least: 64, most: 2 ** 20, whole: true, step: 64 }),
  operationsMax: aNumber({ least: 256, most: OPERATIONS_MAX, whole: true }),
  submissionEntries: aRingSize,
  poisonReleasedBuffers: aBoolean,
  disabledFeatures: anArrayOfStrings,
} as const satisfies OptionTable;

const RULES: OptionRules = { what: 'options', table: PORT_OPTIONS, meant: namesOf(PORT_OPTIONS) };

export type CheckedOptions = Required<CompletionPortOptions>;

/**
 * @param rules of a wider object of options that has those of a port among them
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; RangeError `ERR_OUT_OF_RANGE`
 */
export function checkOptions(options: CompletionPortOptions, rules: OptionRules = RULES): CheckedOptions {
  checkAgainst(options, rules);
  const checked: CheckedOptions = {
    driver: options.driver ?? 'auto',
    bufferCount: options.bufferCount ?? 1024,
    bufferSizeBytes: options.bufferSizeBytes ?? 65_536,
    operationsMax: options.operationsMax ?? 2 ** 20,
    submissionEntries: options.submissionEntries ?? 4096,
    poisonReleasedBuffers: options.poisonReleasedBuffers ?? false,
    disabledFeatures: options.disabledFeatures ?? [],
  };
  const poolBytes = checked.bufferCount * checked.bufferSizeBytes;
  if (poolBytes > POOL_BYTES_MAX) {
    throw outOfRange('bufferCount * bufferSizeBytes', `at most ${POOL_BYTES_MAX}`, poolBytes);
  }
  return checked;
}
