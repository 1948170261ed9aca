/** The state of a connection: flags in one number, as most of a great many connections have nothing else. */

/** Operations in flight. */
export const RECEIVING = 1;
export const SENDING = 2;
export const FIN_POSTED = 4;
export const IN_FLIGHT = RECEIVING | SENDING | FIN_POSTED;

/** `pause` was called. */
export const PAUSED = 8;
/** The receive in flight was asked to end. */
export const STOPPING = 16;
/** It had its share of this turn: what comes is held for the next one. */
export const QUOTA_SPENT = 32;
/** There is no handler of its data, and nobody has begun to read: the first that comes is kept. */
export const NO_READER = 262144;
/** A handler of its data or messages has returned a promise that is not settled: nothing more is delivered before that. */
export const AWAITING = 33554432;
/** The server closes, and our side is to end once that handler is done. */
export const ENDS_LATER = 67108864;
/** Reasons to receive nothing more. */
export const STOPPED = PAUSED | QUOTA_SPENT | AWAITING;
/** The program takes nothing from the peer, which is therefore not to blame for its silence. */
export const RESTING = PAUSED | AWAITING;
/** Reasons to hold what comes. */
export const HOLDING = STOPPED | NO_READER;
/** It is in the engine's list of those that go on receiving in the next turn. */
export const RESUMING = 64;

/** The peer's end has come; and the handlers know, as everything before it was delivered. */
export const PEER_FIN = 128;
export const END_EMITTED = 256;

/** Our side is to end: by the program's `end`, because the peer ended, or the server closes; and our end is out. */
export const FIN_REQUESTED = 512;
export const FIN_SENT = 1024;

/** `write` returned false: `drain` is owed. */
export const NEEDS_DRAIN = 2048;
/** Somebody waits for room in its queue, see `drained.ts`. */
export const WANTS_ROOM = 4194304;
/** It is in the engine's list of those with something to post. */
export const DIRTY = 4096;
/** It is in the engine's set of those with much to send. */
export const BACKLOGGED = 8192;

/** It is being closed: handlers hear `close` when its last operation has ended. */
export const CLOSING = 16384;
export const CLOSED = 32768;
/** `destroy` was called with something to send: it is closed when that is sent, at the latest when its linger time is over. */
export const LINGERING = 131072;
/** Its stream was cut: bytes that a stream had taken are not sent, so the peer must see a reset and no end. */
export const TRUNCATED = 134217728;
/** It is read as a stream, which ends our side itself; and the stream waits until there is room for more of its write. */
export const STREAMED = 524288;
export const NEEDS_FLUSH = 1048576;
/** The program itself called `end`: writing behind that is its mistake. */
export const END_CALLED = 2097152;
/** It is in the engine's list of those whose receive is cancelled in the next turn, unless they are resumed by then. */
export const STOPS_SOON = 8388608;
/** Its receives complete once each: a receive that went on has brought more than the connection should hold. */
export const RECEIVES_ONCE = 16777216;
/** It does not keep the process alive. */
export const UNREFERENCED = 65536;

interface Flagged {
  readonly flags: number;
}

/** Whether `write` takes something. */
export function isWritable({ flags }: Flagged): boolean {
  return (flags & (FIN_REQUESTED | CLOSING)) === 0;
}

/** Whether more may come from the peer. */
export function isReadable({ flags }: Flagged): boolean {
  return (flags & (END_EMITTED | CLOSING | LINGERING)) === 0;
}

/** Whether it is closing or closed: `close` follows, or was called. */
export function isClosing({ flags }: Flagged): boolean {
  return (flags & (CLOSING | LINGERING)) !== 0;
}

/** Whether `close` was called. */
export function isClosed({ flags }: Flagged): boolean {
  return (flags & CLOSED) !== 0;
}
