/** Connections with a framing: their bytes are messages. */

import { Framer } from '../framing/framer.js';
import { checkFraming, type Framing, invalid, isFramingError } from '../framing/framing.js';
import { close } from './closing.js';
import type { Connection } from './connection.js';
import { tellMessage } from './events.js';
import { CLOSING, HOLDING, OVER_SHARE } from './flags.js';
import { handlerFailed } from './handler-errors.js';
import { Heartbeat, type HeartbeatOptions } from './heartbeat.js';
import { checkNumber } from './options.js';

/** What `listen` and `connect` take for messages. */
export interface MessageOptions<Message = unknown> {
  /** How messages lie in the bytes: then `message` is called instead of `data`. */
  readonly framing?: Framing<Message, never>;
  /** Messages that one connection may hand over before the others have their turn; 1,000 unless told. */
  readonly messagesPerTurnMax?: number;
  /** Asks silent peers for a sign of life, and closes the connection when none comes. Needs a framing. */
  readonly heartbeat?: HeartbeatOptions<Message>;
}

const MESSAGES_PER_TURN = { unlessTold: 1000, least: 1, most: Infinity } as const;

/** What connections of a group do with messages. */
export class MessageRules {
  readonly framing: Framing<unknown>;
  readonly messagesPerTurnMax: number;
  readonly heartbeat: Heartbeat | undefined;

  /** @throws OperationError `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` */
  constructor(framing: Framing<unknown>, options: MessageOptions<unknown>) {
    this.framing = framing;
    this.messagesPerTurnMax = checkNumber('messagesPerTurnMax', options.messagesPerTurnMax, MESSAGES_PER_TURN);
    this.heartbeat =
      (options.heartbeat ?? undefined) === undefined
        ? undefined
        : new Heartbeat(options.heartbeat as HeartbeatOptions<unknown>);
  }

  /** The rules of options that have a framing. */
  static of<Message>(options: MessageOptions<Message>): MessageRules | undefined {
    const known = options as unknown as MessageOptions<unknown>;
    const framing: unknown = known.framing ?? undefined;
    return framing === undefined ? undefined : new MessageRules(checkFraming(framing), known);
  }

  side(connection: Connection): MessageSide {
    return new MessageSide(connection, this);
  }
}

/** The messages of one connection. */
export class MessageSide {
  readonly #connection: Connection;
  readonly #rules: MessageRules;
  readonly #framer: Framer<unknown>;
  /** Messages of this turn. */
  #count = 0;
  /** Pings since something came, and the tick of the last one. */
  missed = 0;
  pingTick: number;

  constructor(connection: Connection, rules: MessageRules) {
    this.#connection = connection;
    this.#rules = rules;
    this.#framer = new Framer(rules.framing);
    this.pingTick = connection.receivedTick;
  }

  get heartbeat(): Heartbeat | undefined {
    return this.#rules.heartbeat;
  }

  /** Whether messages wait that have come already. */
  get stopped(): boolean {
    return this.#framer.stopped;
  }

  /** Bytes have come. */
  received(chunk: Buffer): void {
    this.#count = 0;
    this.#decode(() => this.#framer.push(chunk, this.#emit));
  }

  /** Messages that waited go on. */
  proceed(): void {
    this.#count = 0;
    this.#decode(() => this.#framer.proceed(this.#emit));
  }

  /**
   * Bytes that are no messages close the connection: that is the peer's fault, and no other's. Anything else that a framing
   * throws is a mistake of the program.
   */
  #decode(decode: () => void): void {
    const { context } = this.#connection.group;
    try {
      if (context === undefined) {
        decode();
      } else {
        context.runInAsyncScope(decode);
      }
    } catch (error) {
      if (isFramingError(error)) {
        close(this.#connection, 'framing_error', error);
      } else {
        handlerFailed(this.#connection, error, 'framing');
      }
    }
  }

  readonly #emit = (message: unknown): boolean => {
    const connection = this.#connection;
    const { heartbeat, messagesPerTurnMax } = this.#rules;
    if (heartbeat?.answered(connection, message) !== true) {
      tellMessage(connection, message);
    }
    this.#count++;
    if (this.#count >= messagesPerTurnMax && (connection.flags & (HOLDING | CLOSING)) === 0) {
      connection.flags |= OVER_SHARE;
      connection.group.engine.resumeNextTurn(connection);
    }
    return (connection.flags & (HOLDING | CLOSING)) === 0;
  };

  /** The peer's stream has ended: nothing completes what is left of it. Returns whether there is nothing. */
  endedWhole(): boolean {
    const { pendingBytes } = this.#framer;
    if (pendingBytes > 0) {
      close(
        this.#connection,
        'framing_error',
        invalid(`The stream ended within a message, behind ${pendingBytes} of its bytes`),
      );
    }
    return pendingBytes === 0;
  }
}
