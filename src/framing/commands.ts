/** Messages with a header of a length and a command, in either order, which many games and devices use. */

import { Buffer } from 'node:buffer';
import { BufferViews } from '../base/buffer-views.js';
import { ANY_COUNT, aNumber, type Check, checkNumber, type NumberRange, oneOf } from '../base/validate.js';
import { checkEncoded, checkFramingOptions, type Emit, type Framing, invalid, tooLarge } from './framing.js';
import { type ByteOrder, INCOMPLETE, type NumberFormat, numberFormat } from './numbers.js';

/** A message: its command and its bytes. */
export interface Command {
  /** The number of the command. */
  readonly command: number;
  /** The bytes after the header. */
  readonly body: Uint8Array;
}

/** A decoded message. Its body is a view, valid while the message handler runs. */
export interface DecodedCommand extends Command {
  /** The bytes after the header: a view, valid while the handler runs. */
  readonly body: Buffer;
}

/** Options of `commands`. */
export interface CommandsOptions {
  /** Bytes of the length: 1, 2 or 4. @default 2 */
  readonly lengthSize?: 1 | 2 | 4;
  /** Bytes of the command: 1, 2 or 4. @default 2 */
  readonly commandSize?: 1 | 2 | 4;
  /** The byte order of both. @default 'big' */
  readonly order?: ByteOrder;
  /** Which of the two comes first. @default 'length' */
  readonly first?: 'length' | 'command';
  /** The bytes that the length includes: only the body, the command as well, or the whole message. @default 'body' */
  readonly counts?: 'body' | 'command' | 'message';
  /** The most bytes of a body. @default 65536, or less if the length cannot express it */
  readonly bodyBytesMax?: number;
}

const BODY_BYTES_MAX = 64 * 1024;

const OPTIONS = {
  lengthSize: oneOf(1, 2, 4),
  commandSize: oneOf(1, 2, 4),
  order: oneOf('big', 'little'),
  first: oneOf('length', 'command'),
  counts: oneOf('body', 'command', 'message'),
  bodyBytesMax: aNumber(ANY_COUNT),
} as const satisfies Record<keyof CommandsOptions, Check>;

interface Layout {
  readonly length: NumberFormat;
  readonly command: NumberFormat;
  readonly commandRange: NumberRange;
  readonly lengthOffset: number;
  readonly commandOffset: number;
  readonly headerBytes: number;
  /** Bytes that the length includes besides the body. */
  readonly countedBytes: number;
}

class Commands implements Framing<DecodedCommand, Command> {
  readonly #layout: Layout;
  readonly #bodyBytesMax: number;
  readonly frameBytesMax: number;

  constructor(layout: Layout, bodyBytesMax: number) {
    this.#layout = layout;
    this.#bodyBytesMax = bodyBytesMax;
    this.frameBytesMax = layout.headerBytes + bodyBytesMax;
  }

  decode(bytes: Buffer, emit: Emit<DecodedCommand>): number {
    const { length, command, lengthOffset, commandOffset, headerBytes, countedBytes } = this.#layout;
    const views = new BufferViews(bytes);
    let taken = 0;
    while (taken + headerBytes <= bytes.length) {
      const counted = length.read(bytes, taken + lengthOffset);
      const bodyBytes = counted - countedBytes;
      if (counted === INCOMPLETE || bodyBytes < 0 || bodyBytes > this.#bodyBytesMax) {
        throw bodyBytes < 0
          ? invalid(`A length of ${counted} is less than the ${countedBytes} bytes of the header that it includes`)
          : tooLarge(bodyBytes, this.#bodyBytesMax);
      }
      const start = taken + headerBytes;
      const end = start + bodyBytes;
      if (end > bytes.length) {
        break;
      }
      const message = { command: command.read(bytes, taken + commandOffset), body: views.at(start, bodyBytes) };
      taken = end;
      if (!emit(message)) {
        break;
      }
    }
    return taken;
  }

  bytesNeeded(bytes: Buffer): number {
    const { length, lengthOffset, headerBytes, countedBytes } = this.#layout;
    return bytes.length < headerBytes ? headerBytes : headerBytes + length.read(bytes, lengthOffset) - countedBytes;
  }

  encode({ command, body }: Command): readonly Uint8Array[] {
    const layout = this.#layout;
    checkEncoded(body.byteLength, this.#bodyBytesMax);
    checkNumber('command', command, layout.commandRange);
    const header = Buffer.allocUnsafe(layout.headerBytes);
    layout.length.write(header, body.byteLength + layout.countedBytes, layout.lengthOffset);
    layout.command.write(header, command, layout.commandOffset);
    return [header, body];
  }
}

/**
 * A framing of messages with a header of a length and a command.
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`; RangeError `ERR_OUT_OF_RANGE`
 */
export function commands(options: CommandsOptions = {}): Framing<DecodedCommand, Command> {
  checkFramingOptions(options, OPTIONS, 'lengthSize');
  const lengthSize = options.lengthSize ?? 2;
  const commandSize = options.commandSize ?? 2;
  const order = options.order ?? 'big';
  const length = numberFormat(lengthSize, order);
  const command = numberFormat(commandSize, order);
  const lengthFirst = (options.first ?? 'length') === 'length';
  const headerBytes = lengthSize + commandSize;
  const countedBytes = { body: 0, command: commandSize, message: headerBytes }[options.counts ?? 'body'];
  const most = length.most - countedBytes;
  const bodyBytesMax = options.bodyBytesMax ?? Math.min(BODY_BYTES_MAX, most);
  checkNumber('bodyBytesMax', bodyBytesMax, { least: 1, most, whole: true });
  const layout = {
    length,
    command,
    commandRange: { least: 0, most: command.most, whole: true },
    lengthOffset: lengthFirst ? 0 : commandSize,
    commandOffset: lengthFirst ? lengthSize : 0,
    headerBytes,
    countedBytes,
  };
  return new Commands(layout, bodyBytesMax);
}
