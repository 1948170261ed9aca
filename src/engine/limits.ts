/** The limits and timeouts of connections and servers: the groups `limits` and `timeouts` of `listen` and `connect`. */

/** The limits of one connection. */
export interface ConnectionLimits {
  /**
   * `write` returns false while more bytes than this wait to be sent. A whole number from 1 to Infinity.
   * @default 524288; 65536 while more than an eighth of the engine's `engineQueuedBytesMax` waits on all connections
   */
  readonly highWaterMarkBytes?: number;
  /**
   * With more bytes than this waiting to be sent the connection is closed, `write_queue_full`. A whole number from 1 to
   * Infinity.
   * @default 16777216
   */
  readonly queuedBytesMax?: number;
  /**
   * When received data that the connection holds takes more bytes of memory than this, it is closed, `held_full`: chunks
   * while it is paused, unfinished messages, subscriptions. A whole number from 1 to Infinity.
   * @default 16777216, plus the framing's `frameBytesMax` if there is a framing
   */
  readonly heldBytesMax?: number;
  /**
   * The most bytes that one connection hands to its handlers in a round before the others have theirs. A whole number from 1
   * to Infinity.
   * @default 262144
   */
  readonly roundBytesMax?: number;
  /**
   * With a framing: the most messages that one connection hands over in a round before the others have theirs. A whole
   * number from 1 to Infinity.
   * @default 1000
   */
  readonly messagesPerRoundMax?: number;
  /**
   * The highest receive low-water mark (SO_RCVLOWAT) of the connection, on Linux: the engine may ask the system to report
   * received bytes only once that many are there. With a framing it does so while a message lacks 65,536 bytes or more, and
   * never asks for more than the message lacks. Without a framing it does so while bytes stream in at 512 MiB a second or
   * more, and their last bytes may then be delivered about a millisecond later. A whole number from 1 to 2^31 - 1; 1 switches
   * marks off.
   * @default 524288
   */
  readonly receiveLowWaterBytesMax?: number;
}

/** The limits of topics, which a peer often chooses. */
export interface TopicLimits {
  /**
   * The most topics that one connection may be subscribed to. A whole number from 1 to Infinity.
   * @default 1000
   */
  readonly topicsPerConnectionMax?: number;
  /**
   * The most topics that a server may have, each with a subscriber. A whole number from 1 to Infinity.
   * @default 1000000
   */
  readonly topicsMax?: number;
  /**
   * The most bytes of a topic's name as UTF-8. A whole number from 1 to 65,536.
   * @default 1024
   */
  readonly topicBytesMax?: number;
}

/** The limits of one server and its connections. */
export interface ListenLimits extends ConnectionLimits, TopicLimits {
  /**
   * The most connections of the server; further ones are reset, `connections_max`. A whole number from 1 to Infinity.
   * @default the number of descriptors that the process may open, less 64
   */
  readonly connectionsMax?: number;
  /**
   * The most connections of one peer's address, or of one IPv6 network of 64 bits; further ones are reset,
   * `address_connections_max`. Behind a proxy all peers have one address. A whole number from 1 to Infinity.
   * @default Infinity
   */
  readonly connectionsPerAddressMax?: number;
  /**
   * The most connections that are accepted in a round before others have theirs. A whole number from 1 to Infinity.
   * @default 128
   */
  readonly acceptsPerRoundMax?: number;
}

/** Times of a connection, in milliseconds. 0 or Infinity is no limit, except for `lingerMs`. */
export interface ConnectionTimeouts {
  /**
   * After this time without a byte received or sent the connection is closed, `idle_timeout`.
   * @default 0
   */
  readonly idleMs?: number;
  /**
   * The first byte must arrive within this time, or the connection is closed, `first_byte_timeout`.
   * @default 60000 for the connections of a server, 0 for those of `connect`
   */
  readonly firstByteMs?: number;
  /**
   * With a framing: the longest time from the first byte of a message until the message is complete; after that the
   * connection is closed, `message_timeout`. The time does not run while the connection is paused, and starts again when it
   * is resumed.
   * @default 120000
   */
  readonly messageMs?: number;
  /**
   * The longest time in which the peer accepts nothing of what waits to be sent; after that the connection is closed,
   * `write_stall`.
   * @default 60000
   */
  readonly writeStallMs?: number;
  /**
   * The longest time between the peer's end and ours; after that the connection is closed, `half_closed_timeout`.
   * @default 60000
   */
  readonly halfClosedMs?: number;
  /**
   * After our side has ended: the longest time in which nothing arrives, not even the peer's end. After that the connection
   * is closed, `shutdown_timeout`.
   * @default 10000
   */
  readonly shutdownMs?: number;
  /**
   * How long `destroy` continues to send what was written before. What is left then is dropped, and the peer sees a reset.
   * 0 drops it and resets the connection at once; with Infinity only the other limits end it.
   * @default 1000
   */
  readonly lingerMs?: number;
}

/** Times of `connect` and its connection, in milliseconds. 0 or Infinity is no limit, except for `lingerMs`. */
export interface ConnectTimeouts extends ConnectionTimeouts {
  /**
   * Time to look the name up and to connect; after that `connect` rejects with `ETIMEDOUT`.
   * @default 30000
   */
  readonly connectMs?: number;
}
