/**
 * A connection as the engine sees it: its fields, what it shares with the other connections of its server, and what its
 * behaviours may use of the engine. The behaviours in this folder, in `messages`, `streams` and `writing` are functions over
 * this record, and import nothing above it. The public `Connection` adds the methods that programs call.
 */

import type { Buffer } from 'node:buffer';
import type { Framing } from '../../framing/framing.js';
import type { AsyncContext } from '../../port/async-context.js';
import type { PoolBuffer } from '../../port/buffer-pool.js';
import type { Completion } from '../../port/completion.js';
import type { CompletionPort } from '../../port/completion-port.js';
import type { OverlappedSocket } from '../../port/socket.js';
import type { CloseReason } from '../close-reasons.js';
import type { ConnectionCounters, EngineCounters } from '../counters.js';
import type { CheckedLimits } from '../options.js';
import type { Scheduler } from '../scheduling/scheduler.js';
import { NEVER, type Timed, type TimerWheel } from '../scheduling/timer-wheel.js';
import type { SecureGroup } from '../secure/secure-group.js';
import type { WriteBudget } from '../writing/write-budget.js';
import type { WriteQueue } from '../writing/write-queue.js';
import type { Delivery } from './delivery.js';
import type { HandlerErrorSinkOf, HandlerName, HandlerTable } from './handler-table.js';
import { NO_READER } from './state.js';
import type { Topics } from './topics.js';

/** Received bytes that wait because the connection is paused, or has used its share of the round. */
export interface HeldChunk {
  /** The receive buffer that the bytes are in, until `release`; undefined when they were copied. */
  readonly buffer: PoolBuffer | undefined;
  readonly bytes: Buffer;
}

/** How a connection ends, once that is known. */
export interface Ending {
  readonly reason: CloseReason;
  readonly error: Error | undefined;
  /** The handler that failed, with the reason `handler_error`. */
  readonly handler: HandlerName | undefined;
}

/** Pings a silent peer; `messages/heartbeat.ts`. */
export interface PeerHeartbeat {
  /** The tick when the connection has been silent for too long. */
  dueTick(connection: ConnectionRecord): number;
  /** That tick is here. @returns whether the connection stays open */
  goesOn(connection: ConnectionRecord): boolean;
  /** The connection listens again after a pause. */
  listensAgain(connection: ConnectionRecord): void;
}

/** The messages of one connection with a framing; `messages/messages.ts`. */
export interface ConnectionMessages {
  readonly heartbeat: PeerHeartbeat | undefined;
  /** The most bytes of an incomplete message. */
  readonly frameBytesMax: number;
  /** The longest time that an incomplete message may take. */
  readonly messageTicks: number;
  /** The tick when the incomplete message began; NEVER when there is none, or the peer is not what it waits for. */
  messageTick: number;
  /** The tick of the last ping, and pings that were not answered. */
  pingTick: number;
  missed: number;
  /** Whether messages wait that were received already. */
  readonly stopped: boolean;
  received(chunk: Buffer): void;
  /** Delivers messages that waited. */
  proceed(): void;
  countMemory(): void;
  drop(): void;
  /** The peer's stream has ended. @returns whether it ended between two messages */
  endedWhole(): boolean;
}

/** How the connections of one server, or of one `connect`, make messages of bytes and bytes of messages. */
export interface MessageProtocol {
  readonly framing: Framing<unknown>;
  side(connection: ConnectionRecord): ConnectionMessages;
}

/** Memory that holds received data; `held-memory.ts`. */
export interface HeldBudget {
  readonly bytesMax: number;
  /** A connection holds more than before, or less. A connection that holds too much is closed. */
  change(connection: ConnectionRecord, byteLength: number): void;
  /** How much more the connection may hold. */
  roomOf(connection: ConnectionRecord): number;
  /** The connection is closing and holds nothing any more. */
  forget(connection: ConnectionRecord): void;
}

/** Receive low-water marks, which let the system report received bytes less often; `low-water/receive-marks.ts`. */
export interface LowWaterMarks {
  /** Whether any connection may have a mark. */
  readonly some: boolean;
  /**
   * With a framing: the connection waits for the rest of a message.
   * @param missingBytes how many bytes it lacks; 0 if that is not known
   * @returns whether this must be called after the next bytes too, however few are missing
   */
  awaits(connection: ConnectionRecord, missingBytes: number): boolean;
  /** Without a framing: a large chunk was received. */
  streamed(connection: ConnectionRecord, byteLength: number): void;
  /** Removes the connection's mark: bytes below it arrive in the next round. @returns whether it had one */
  lower(connection: ConnectionRecord): boolean;
  /** The connection is closing. */
  forget(connection: ConnectionRecord): void;
}

/** Events for the stream that reads a connection, besides the handlers. */
export interface StreamSink {
  /** At most half of the high-water mark waits to be sent: there is room for more of the stream's write. */
  flushed(): void;
  /** The FIN was sent. */
  finished(): void;
}

/** A connection whose handshake goes on when its turn comes. */
export interface Handshaking {
  handshake(): void;
  failed(error: Error): void;
}

/** The handshakes of an engine: a bounded number of their steps is taken in a round, because each is costly. */
export interface HandshakeSteps {
  add(connection: Handshaking): void;
}

/** The parts of an engine that the behaviours of a connection may use. */
export interface EngineServices {
  readonly port: CompletionPort;
  readonly wheel: TimerWheel;
  readonly counters: EngineCounters;
  /** @internal The lists of the next round, and alarms. */
  readonly scheduler: Scheduler<ConnectionRecord>;
  /** @internal Bytes that wait to be sent. */
  readonly writes: WriteBudget<ConnectionRecord>;
  /** Memory of received data. */
  readonly held: HeldBudget;
  readonly marks: LowWaterMarks;
  readonly handshakes: HandshakeSteps;
  readonly delivery: Delivery;
  /** Receives what handlers threw where their connection has no `error` handler. It never throws. */
  readonly onHandlerError: HandlerErrorSinkOf<ConnectionRecord>;
  /** Counts one more thing that keeps the process alive, or one less. */
  reference(change: 1 | -1): void;
}

/** The parts that the connections of one server, or of one `connect`, share. */
export interface ConnectionContext {
  /** @internal */
  readonly engine: EngineServices;
  readonly handlers: HandlerTable<ConnectionRecord>;
  /** The async context of the program's `listen` or `connect`, for its handlers. */
  readonly context: AsyncContext;
  readonly limits: CheckedLimits;
  readonly counters: ConnectionCounters;
  /** How messages lie in the bytes, with a framing. */
  readonly messages: MessageProtocol | undefined;
  /** Subscriptions, on a server. */
  readonly topics: Topics<ConnectionRecord> | undefined;
  /** The TLS that its connections share; undefined without TLS. */
  readonly secure?: SecureGroup | undefined;
  /** A connection was made, and will be opened once its TLS handshake is done. */
  handshakeBegins?(connection: ConnectionRecord): void;
  /** The stream that reads a connection, for groups all of whose connections have one. */
  streamOf?(connection: ConnectionRecord): StreamSink | undefined;
  /** A connection was made, and none of its handlers was called yet. */
  connectionOpened(connection: ConnectionRecord): void;
  /** The connection is closed, and its handlers were called. */
  connectionClosed(connection: ConnectionRecord): void;
}

let lastId = 0;

/** Fields that few connections need at one time, because each would cost all others a word. */
class SideFields {
  /** The stream that reads the connection. */
  stream: StreamSink | undefined = undefined;
  /** The handlers that a stream brings, while it reads the connection. */
  handlers: HandlerTable<ConnectionRecord> | undefined = undefined;
  held: HeldChunk[] | undefined = undefined;
  heldBytes = 0;
  /** The tick of `setDeadline`. */
  deadlineTick = NEVER;
  ending: Ending | undefined = undefined;
}

/** The fields of all connections that have none of their own: it is never changed. */
const NO_SIDE_FIELDS = new SideFields();

/** The fields that few connections need, to change them. */
export function sideOf(connection: ConnectionRecord): SideFields {
  if (connection.side === NO_SIDE_FIELDS) {
    connection.side = new SideFields();
  }
  return connection.side;
}

/** The fields of a connection. */
export abstract class ConnectionRecord implements Timed {
  /** A number that no other connection of this thread has. */
  readonly id: number = ++lastId;
  /** @internal */
  readonly socket: OverlappedSocket;
  /** @internal */
  readonly group: ConnectionContext;
  /** @internal */
  flags = 0;
  /** Bytes received and delivered. */
  bytesRead = 0;
  /** Bytes that the system has taken. */
  bytesWritten = 0;
  /** @internal What it has written; undefined when all of that is sent. */
  queue: WriteQueue | undefined = undefined;
  /** @internal To change them there is `sideOf`. */
  side: SideFields = NO_SIDE_FIELDS;
  /** @internal The round in which it received last, and its bytes in that round. */
  round = 0;
  /** @internal */
  roundBytes = 0;
  /** @internal Ticks of the last receive, of the last progress of sending, and of the last change of state. */
  receivedTick: number;
  /** @internal */
  sentTick: number;
  /** @internal */
  phaseTick: number;
  /** @internal */
  timerNext: Timed | undefined = undefined;
  /** @internal */
  timerPrevious: Timed | undefined = undefined;
  /** @internal */
  dueTick = NEVER;
  /** @internal */
  messages: ConnectionMessages | undefined = undefined;

  /** @internal */
  constructor(group: ConnectionContext, socket: OverlappedSocket) {
    this.group = group;
    this.socket = socket;
    const { tick } = group.engine.wheel;
    this.receivedTick = tick;
    this.sentTick = tick;
    this.phaseTick = tick;
    if (group.messages !== undefined) {
      this.messages = group.messages.side(this);
    } else if (group.handlers.data === undefined) {
      this.flags = NO_READER;
    }
  }

  /** Bytes written that the system has not taken yet. */
  get queuedBytes(): number {
    return this.queue === undefined ? 0 : this.queue.queuedBytes;
  }

  /** @internal */
  get ending(): Ending | undefined {
    return this.side.ending;
  }

  /** Memory that holds received data that is not delivered, unfinished messages, and subscriptions; in bytes. */
  get heldBytes(): number {
    return this.side.heldBytes;
  }

  /** @internal The handlers of its group; while a stream reads the connection, those of the stream. */
  get handlers(): HandlerTable<ConnectionRecord> {
    return this.side.handlers ?? this.group.handlers;
  }

  /** @internal The stream that reads it. */
  get stream(): StreamSink | undefined {
    return this.side.stream ?? this.group.streamOf?.(this);
  }

  /** @internal */
  get held(): HeldChunk[] | undefined {
    return this.side.held;
  }

  /** @internal Whether the peer must be told of our end before the FIN. */
  get hasLastWords(): boolean {
    return false;
  }

  /** @internal Posts what was written, or the FIN, unless a send is in flight. */
  abstract postWritten(): void;
  /** @internal The last handler was called. */
  abstract ended(): void;
  /** @internal */
  abstract timeIsUp(): void;
  /** @internal */
  abstract completed(completion: Completion): void;
  /** @internal */
  abstract failed(error: Error): void;
  /** @internal */
  abstract engineClosed(): void;
  /** @internal */
  abstract ticksMoved(ticks: number): void;
}
