/** `overlapped/framing`: messages instead of bytes. */

export { type Command, type CommandsOptions, commands, type DecodedCommand } from './framing/commands.js';
export { type DelimitedOptions, delimited } from './framing/delimited.js';
export { fixedSize } from './framing/fixed-size.js';
export { type Emit, type Framing, FramingError } from './framing/framing.js';
export { type LengthPrefixedOptions, lengthPrefixed } from './framing/length-prefixed.js';
export type { ByteOrder, NumberSize } from './framing/numbers.js';
