/**
 * The state of a connection: flags in one number, because an idle connection has little else, and a server may have a great
 * many of them. `assertConsistent` in `test/simulation/consistent.ts` says which combinations exist.
 */

/** The operations in flight. */
export const RECEIVING = 1 << 0;
export const SENDING = 1 << 1;
export const FIN_POSTED = 1 << 2;
export const IN_FLIGHT = RECEIVING | SENDING | FIN_POSTED;

/** The program called `pause`. */
export const PAUSED = 1 << 3;
/** The connection has used its share of the round: what arrives is held for the next one. */
export const QUOTA_SPENT = 1 << 4;
/** A handler of data or messages has returned a promise that is pending: nothing more is delivered until it settles. */
export const AWAITING = 1 << 5;
/** There is no handler of data, and no stream has begun to read: the first bytes that arrive are held. */
export const NO_READER = 1 << 6;
/** Reasons to receive nothing more. */
export const STOPPED = PAUSED | QUOTA_SPENT | AWAITING;
/** Reasons to hold what arrives. */
export const HOLDING = STOPPED | NO_READER;
/** The program takes nothing from the peer, so the peer's silence is not its fault. */
export const RESTING = PAUSED | AWAITING;

/** The receive in flight is to be cancelled at the beginning of the next turn, unless the connection is resumed by then. */
export const STOPS_SOON = 1 << 7;
/** The receive in flight was cancelled, and has not completed yet. */
export const STOPPING = 1 << 8;
/** The connection receives again in the next round. */
export const RESUMING = 1 << 9;
/** Each receive brings one chunk: a receive that went on has brought more than a paused connection should hold. */
export const RECEIVES_ONCE = 1 << 10;

/** The peer's FIN was received. */
export const PEER_FIN = 1 << 11;
/** Everything before the peer's FIN was delivered, and the handler `end` was called. */
export const END_EMITTED = 1 << 12;

/** The program called `end`: a write after that is its mistake. */
export const END_CALLED = 1 << 13;
/** The server closes, and requests the FIN once the handler at work is done. */
export const FIN_DEFERRED = 1 << 14;
/** Our FIN is to be sent after what was written: because of `end`, the peer's FIN, or the server's close. */
export const FIN_REQUESTED = 1 << 15;
export const FIN_SENT = 1 << 16;

/** There is something to post in the next round. */
export const DIRTY = 1 << 17;
/** More is queued than a connection of an engine under pressure should have. */
export const BACKLOGGED = 1 << 18;
/** `write` returned false, so `drain` is to be called. */
export const NEEDS_DRAIN = 1 << 19;
/** A promise of `drained`, or a stream, waits for room in the queue: see `room.ts`. */
export const WANTS_ROOM = 1 << 20;

/** A stream reads the connection, and requests the FIN itself. */
export const STREAMED = 1 << 21;
/** The stream waits for room for the rest of its write. */
export const NEEDS_FLUSH = 1 << 22;
/** Bytes that the stream had taken are not sent: the peer must see a reset, and no FIN. */
export const TRUNCATED = 1 << 23;

/** `destroy` was called while bytes were queued: the connection closes once they are sent, or the linger time is over. */
export const LINGERING = 1 << 24;
/** The connection is being closed: handlers are called when its last operation has completed. */
export const CLOSING = 1 << 25;
/** The last handler, `close`, was called. */
export const CLOSED = 1 << 26;

/** Something waits for the promise of `closed`. */
export const CLOSE_AWAITED = 1 << 27;

/** `setIdleTimeout` gave the connection a limit of its own. */
export const OWN_IDLE_TIMEOUT = 1 << 28;
/** The connection does not keep the process alive. */
export const UNREFERENCED = 1 << 29;

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

/** Whether it is closing or closed: the handler `close` follows, or was called. */
export function isClosing({ flags }: Flagged): boolean {
  return (flags & (CLOSING | LINGERING)) !== 0;
}

/** Whether `close` was called. */
export function isClosed({ flags }: Flagged): boolean {
  return (flags & CLOSED) !== 0;
}
