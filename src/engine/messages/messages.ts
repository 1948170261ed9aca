/** Connections with a framing: their bytes are messages. */

import type { Buffer } from 'node:buffer';
import { Framer } from '../../framing/framer.js';
import { type Framing, invalid, isFramingError } from '../../framing/framing.js';
import { close } from '../connection-core/close.js';
import { emitMessage } from '../connection-core/emit.js';
import { handlerFailed } from '../connection-core/handler-errors.js';
import type { ConnectionMessages, ConnectionRecord, MessageProtocol } from '../connection-core/record.js';
import { AWAITING, CLOSING, HOLDING, QUOTA_SPENT } from '../connection-core/state.js';
import { armMessage } from '../connection-core/timeouts.js';
import { MARK_BYTES_LEAST } from '../low-water/mark.js';
import type { ConnectionOptions } from '../options.js';
import { NEVER, ticksOf } from '../scheduling/timer-wheel.js';
import { Heartbeat, type HeartbeatOptions } from './heartbeat.js';

/** The options of `listen` and `connect` for messages. */
export interface MessageOptions<Message = unknown, Sent = unknown> {
  /** How messages are encoded in the bytes. With a framing the handler `message` is called instead of `data`. */
  readonly framing?: Framing<Message, Sent>;
  /** Pings peers that are silent, and closes connections whose peers do not answer. Needs a framing. */
  // The types are the framing's: as indexed tuples, TypeScript does not infer them here (NoInfer of TypeScript 5.4).
  readonly heartbeat?: HeartbeatOptions<
    [Message][Message extends unknown ? 0 : never],
    [Sent][Sent extends unknown ? 0 : never]
  >;
}

const MESSAGES_PER_ROUND_MAX = 1000;

/** Time for a message of 1 MiB, the most that `lengthPrefixed` takes by default, at 70 kbit/s. */
const MESSAGE_MS = 120_000;

/** How the connections of one server, or of one `connect`, treat messages. */
export class MessageRules implements MessageProtocol {
  readonly framing: Framing<unknown>;
  readonly messagesPerRoundMax: number;
  readonly messageTicks: number;
  readonly heartbeat: Heartbeat | undefined;

  constructor(framing: Framing<unknown>, options: MessageOptions<unknown> & ConnectionOptions) {
    const { messagesPerRoundMax } = options.limits ?? {};
    const { messageMs } = options.timeouts ?? {};
    this.framing = framing;
    this.messagesPerRoundMax = messagesPerRoundMax ?? MESSAGES_PER_ROUND_MAX;
    this.messageTicks = ticksOf(messageMs ?? MESSAGE_MS);
    this.heartbeat =
      (options.heartbeat ?? undefined) === undefined
        ? undefined
        : new Heartbeat(options.heartbeat as HeartbeatOptions<unknown>);
  }

  /** The rules of options that have a framing. */
  static of<Message, Sent>(options: MessageOptions<Message, Sent> & ConnectionOptions): MessageRules | undefined {
    const known = options as unknown as MessageOptions<unknown> & ConnectionOptions;
    const framing = known.framing ?? undefined;
    return framing === undefined ? undefined : new MessageRules(framing as Framing<unknown>, known);
  }

  side(connection: ConnectionRecord): MessageSide {
    return new MessageSide(connection, this);
  }
}

/** The messages of one connection. */
export class MessageSide implements ConnectionMessages {
  readonly #connection: ConnectionRecord;
  readonly #rules: MessageRules;
  readonly #framer: Framer<unknown>;
  /** Messages since the last received chunk. */
  #count = 0;
  /** Pings that were not answered, and the tick of the last one. */
  missed = 0;
  pingTick: number;
  /** The tick when the incomplete message began; NEVER if there is none, or the peer is not what it waits for. */
  messageTick = NEVER;
  /** Whether the receive low-water mark must learn how many bytes are missing, however few. */
  #marked = false;
  /** The memory of the framer when it was last counted. */
  #countedBytes = 0;

  constructor(connection: ConnectionRecord, rules: MessageRules) {
    this.#connection = connection;
    this.#rules = rules;
    this.#framer = new Framer(rules.framing, this);
    this.pingTick = connection.receivedTick;
  }

  get heartbeat(): Heartbeat | undefined {
    return this.#rules.heartbeat;
  }

  /** The most bytes of an incomplete message. */
  get frameBytesMax(): number {
    return this.#framer.frameBytesMax;
  }

  /** The longest time for a message. */
  get messageTicks(): number {
    return this.#rules.messageTicks;
  }

  /** The memory of an incomplete message may grow to this without exceeding a limit. */
  get spareBytesMax(): number {
    const connection = this.#connection;
    return connection.group.engine.held.roomOf(connection) + this.#countedBytes;
  }

  /** Whether messages wait that were received already. */
  get stopped(): boolean {
    return this.#framer.stopped;
  }

  /** Bytes were received. */
  received(chunk: Buffer): void {
    const framer = this.#framer;
    let completed = false;
    this.#count = 0;
    try {
      completed = this.#connection.group.context.runWith(framer.push, framer, chunk, this.#emit);
    } catch (error) {
      this.#failed(error);
    }
    this.#decoded(completed);
  }

  /** Delivers messages that waited. */
  proceed(): void {
    const framer = this.#framer;
    let completed = false;
    this.#count = 0;
    try {
      completed = this.#connection.group.context.run(framer.proceed, framer, this.#emit);
    } catch (error) {
      this.#failed(error);
    }
    this.#decoded(completed);
  }

  /**
   * Invalid bytes are the peer's fault and close the connection. Anything else that a framing throws is a mistake of the
   * program.
   */
  #failed(error: unknown): void {
    if (isFramingError(error)) {
      close(this.#connection, 'framing_error', error);
    } else {
      handlerFailed(this.#connection, error, 'framing');
    }
  }

  /** If bytes wait, or waited before: counts their memory, and times the incomplete message. */
  #decoded(completed: boolean): void {
    const framer = this.#framer;
    if (framer.memoryBytes === 0 && this.#countedBytes === 0) {
      return;
    }
    const connection = this.#connection;
    const { engine } = connection.group;
    if ((connection.flags & CLOSING) !== 0) {
      this.drop();
      return;
    }
    if (framer.pendingBytes === 0 || framer.stopped) {
      this.messageTick = NEVER;
    } else if (completed || this.messageTick === NEVER) {
      this.messageTick = engine.wheel.tick;
      armMessage(connection, this);
    }
    const { missingBytes } = framer;
    if (this.#marked || missingBytes >= MARK_BYTES_LEAST) {
      this.#marked = engine.marks.awaits(connection, missingBytes);
    }
    this.countMemory();
  }

  /** Counts the memory that is held for the connection's messages. */
  countMemory(): void {
    const connection = this.#connection;
    const more = this.#framer.memoryBytes - this.#countedBytes;
    // Memory that the framer let go may be that of the message for which a handler is awaited.
    if (more > 0 || (more < 0 && (connection.flags & AWAITING) === 0)) {
      this.#countedBytes += more;
      connection.group.engine.held.change(connection, more);
    }
  }

  /** The connection is closing: drops what is left. */
  drop(): void {
    this.#framer.clear();
    this.#countedBytes = 0;
  }

  readonly #emit = (message: unknown): boolean => {
    const connection = this.#connection;
    const { heartbeat, messagesPerRoundMax } = this.#rules;
    if (heartbeat?.answered(connection, message) !== true) {
      emitMessage(connection, message);
      if ((connection.flags & AWAITING) !== 0) {
        this.#framer.keepMemory();
      }
    }
    this.#count++;
    if (this.#count >= messagesPerRoundMax && (connection.flags & (HOLDING | CLOSING)) === 0) {
      connection.flags |= QUOTA_SPENT;
      connection.group.engine.scheduler.resumeNext(connection);
    }
    return (connection.flags & (HOLDING | CLOSING)) === 0;
  };

  /**
   * The peer's stream has ended. Bytes of an incomplete message close the connection. Returns whether all messages were
   * delivered; if not, the end must wait.
   */
  endedWhole(): boolean {
    if (this.#framer.hasUnseenBytes) {
      // The framing asked for more bytes than have come. They may be messages all the same.
      this.proceed();
      if (this.#framer.stopped || (this.#connection.flags & CLOSING) !== 0) {
        return false;
      }
    }
    const { pendingBytes } = this.#framer;
    if (pendingBytes > 0) {
      close(
        this.#connection,
        'framing_error',
        invalid(`The stream ended within a message, after ${pendingBytes} of its bytes`),
      );
    }
    return pendingBytes === 0;
  }
}
