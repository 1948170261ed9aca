/** Why a connection was closed. Each is a counter of `statistics`. */

export const CLOSE_REASONS = [
  /** Both sides have ended their streams, and everything was delivered. */
  'finished',
  /** `destroy` was called. */
  'destroyed',
  /** `reset` was called. */
  'reset',
  /** The peer reset the connection. */
  'peer_reset',
  /** Another error of the system ended it: `error` says which. */
  'error',
  /** A handler threw or rejected. */
  'handler_error',
  /** Nothing came and nothing went for `timeouts.idleMs`. */
  'idle_timeout',
  /** Nothing came within `timeouts.firstByteMs`. */
  'first_byte_timeout',
  /** The peer took nothing for `timeouts.writeStallMs`. */
  'write_stall',
  /** The peer had ended, and we had not within `timeouts.halfClosedMs`. */
  'half_closed_timeout',
  /** We had ended, and the peer had not within `timeouts.shutdownMs`. */
  'shutdown_timeout',
  /** The peer sent something that is no message in the framing. */
  'framing_error',
  /** TLS has failed: `error` says why. */
  'tls_error',
  /** The TLS handshake took longer than `tls.handshakeTimeoutMs`. */
  'handshake_timeout',
  /** Pings were not answered. */
  'heartbeat',
  /** The application's own `setDeadline` ran out. */
  'deadline',
  /** More than `queuedBytesMax` waited to be sent on this connection. */
  'write_queue_full',
  /** More than the engine's `queuedBytesMax` waited in all, and most of it here. */
  'engine_queue_full',
  /** A message was not complete `timeouts.messageMs` after its first byte. */
  'message_timeout',
  /** Received data that was held on this connection took more memory than `heldBytesMax`. */
  'held_full',
  /** Received data that was held took more than `engineHeldBytesMax` in all, and this connection held the most. */
  'engine_held_full',
  /** The server had `connectionsMax` connections. */
  'connections_max',
  /** The peer's address had `connectionsPerAddressMax` connections. */
  'address_connections_max',
  /** The server's `close` could not wait for it any longer. */
  'drain_deadline',
  /** The engine was closed. */
  'engine_closed',
] as const;

/** Why a connection was closed. */
export type CloseReason = (typeof CLOSE_REASONS)[number];
