/**
 * The engine: what runs connections on a completion port. It dispatches completions to whom they belong, and in each
 * turn does what has gathered since: delivers what was held, tells ends, posts what was written.
 */

import type { Buffer } from 'node:buffer';
import type { DriverName } from '../drivers/driver.js';
import { callersContext, rootContext } from '../port/async-context.js';
import type { PoolBuffer } from '../port/buffer-pool.js';
import type { Completion } from '../port/completion.js';
import { CompletionPort } from '../port/completion-port.js';
import { WriteArena } from '../port/sending/write-arena.js';
import type { OverlappedSocket } from '../port/socket.js';
import { Connection } from './connection.js';
import { close } from './connection-core/close.js';
import { emitFinal } from './connection-core/emit.js';
import { type ErrorSink, guarded, warnOfHandlerError } from './connection-core/handler-errors.js';
import { HeldMemory, PausedConnections } from './connection-core/held-memory.js';
import { received, resumeNow } from './connection-core/receive.js';
import { flush, sent } from './connection-core/send.js';
import { finSent } from './connection-core/shutdown.js';
import { BACKLOGGED, CLOSING, DIRTY, RESUMING } from './connection-core/state.js';
import { armTimer, moveTicks } from './connection-core/timeouts.js';
import { ConnectionCounters, EngineCounters } from './counters.js';
import { endAll } from './engine-ending.js';
import { checkEngineOptions, type EngineOptions } from './engine-options.js';
import { errorOf } from './handlers.js';
import { ENGINE_HELD_BYTES_MAX, ENGINE_QUEUED_BYTES_MAX } from './options.js';
import type { Pending } from './pending.js';
import { RoundList } from './scheduling/round-list.js';
import { type Alarm, NEVER, TimerWheel, tickAfter, ticksOf } from './scheduling/timer-wheel.js';
import type { CompletionTarget, TurnTask } from './targets.js';
import { IdleQueues } from './writing/idle-queues.js';
import { Sharing } from './writing/shared-bytes.js';
import { WriteQueue } from './writing/write-queue.js';

/** With more than this share of `engineQueuedBytesMax` waiting to be sent, the engine is under pressure. */
const PRESSURE_SHARE = 1 / 8;

export type { EngineOptions } from './engine-options.js';
export type { CompletionTarget, TurnTask } from './targets.js';

/**
 * A completion port with its buffers, timers and connections. Servers and clients of a thread share one for each driver,
 * unless they are given one. It belongs to the thread that created it.
 */
export class Engine {
  /** @internal */
  readonly port: CompletionPort;
  /** @internal */
  readonly wheel: TimerWheel;
  /** @internal */
  readonly counters = new EngineCounters();
  /** @internal Of all connections that `connect` made. */
  readonly clientCounters = new ConnectionCounters();
  /** @internal Called when the port has failed: whoever serves without a socket of its own hears of it in no other way. */
  onFailed: (error: Error) => void = () => undefined;
  /** @internal It never throws. */
  readonly onHandlerError: ErrorSink;
  /** @internal The option `engineQueuedBytesMax`. */
  readonly queuedBytesMax: number;
  readonly #pressureAt: number;
  /** Bytes written on all connections that the system has not taken yet. */
  queuedBytes = 0;
  /** @internal Counts rounds: batches of completions. */
  turn = 0;
  /** @internal The bytes that a handler is being told, and the receive buffer that begins with them. */
  chunk: Buffer | undefined = undefined;
  /** @internal */
  chunkBuffer: PoolBuffer | undefined = undefined;
  /** @internal Memory of what a handler is being told that is no receive buffer's. */
  lentBytes = 0;
  /** @internal Whether handlers are known to return promises, and so to keep what they are lent. */
  handlersAwait: boolean;
  readonly #chunks = new WriteArena();
  /** @internal Of what is sent to many. */
  readonly sharing = new Sharing(this.#chunks);
  readonly #idleQueues = new IdleQueues();
  readonly #dirty = new RoundList<Connection>();
  readonly #resuming = new RoundList<Connection>();
  readonly #finishing = new RoundList<Connection>();
  readonly #tasks = new RoundList<TurnTask>();
  readonly #backlogged = new Set<Connection>();
  /** @internal Work that would never settle once the engine is closed. */
  readonly pending = new Set<Pending>();
  /** @internal */
  readonly held: HeldMemory;
  /** @internal */
  readonly paused = new PausedConnections();
  /** Who keeps the process alive. */
  #references = 0;
  /** When the batch that is being dispatched began, by the clock. */
  #batchBeganAt = -1;

  /**
   * @throws OperationError what `CompletionPort.create` throws; for a wrong option TypeError `ERR_INVALID_ARG_TYPE`,
   * `ERR_INVALID_ARG_VALUE`, RangeError `ERR_OUT_OF_RANGE`
   */
  constructor(options: EngineOptions = {}) {
    const portOptions = checkEngineOptions(options);
    this.queuedBytesMax = options.engineQueuedBytesMax ?? ENGINE_QUEUED_BYTES_MAX;
    this.held = new HeldMemory(options.engineHeldBytesMax ?? ENGINE_HELD_BYTES_MAX);
    this.#pressureAt = this.queuedBytesMax * PRESSURE_SHARE;
    this.onHandlerError = guarded((options.onHandlerError ?? warnOfHandlerError) as ErrorSink, callersContext());
    this.port = rootContext.enter(CompletionPort.create, CompletionPort, portOptions);
    // Of a single buffer, a handler that is not known yet would keep all there is.
    this.handlersAwait = options.bufferCount === 1;
    this.wheel = new TimerWheel(this.port.clock, (ticks) => this.#ticksMoved(ticks));
    try {
      // Handlers enter the context of their own `listen` or `connect`; nothing runs in that of who made the engine.
      rootContext.enter(() => this.port.start((completion) => this.#handle(completion), { hooks: this }), undefined);
    } catch (error) {
      this.port.close();
      throw error;
    }
    this.port.unref();
  }

  /** Whether it is closed. */
  get closed(): boolean {
    return this.port.closed;
  }

  /** The driver in use. */
  get driver(): DriverName {
    return this.port.driver;
  }

  /** Drivers that `auto` would have preferred, with why each was passed over. */
  get skippedDrivers(): readonly string[] {
    return this.port.skippedDrivers;
  }

  #handle(completion: Completion): void {
    if (this.#batchBeganAt < 0) {
      this.#batchBeganAt = this.wheel.look();
    }
    const { key, kind } = completion;
    if (!(key instanceof Connection)) {
      this.#handleOther(completion);
      return;
    }
    try {
      switch (kind) {
        case 'receive':
          this.counters.receivesCompleted++;
          received(key, completion);
          break;
        case 'send':
          this.counters.sendsCompleted++;
          sent(key, completion);
          break;
        case 'shutdown':
          this.counters.shutdownsCompleted++;
          finSent(key, completion);
      }
    } catch (error) {
      close(key, 'error', errorOf(error));
    }
  }

  #handleOther(completion: Completion): void {
    if (completion.kind === 'accept') {
      this.counters.acceptsCompleted++;
    } else if (completion.kind === 'connect') {
      this.counters.connectsCompleted++;
    }
    const target = completion.key as CompletionTarget | undefined;
    try {
      target?.completed(completion);
    } catch (error) {
      target?.failed(errorOf(error));
    }
  }

  /** @internal The pump's hook. */
  begin(): void {
    this.paused.stopAll();
  }

  /** @internal The pump's hook: what has gathered since the last batch. */
  flush(): void {
    const began = this.#batchBeganAt;
    this.turn = (this.turn + 1) | 0;
    this.wheel.look();
    this.#resuming.drain(this.#resumeOne);
    this.#finishing.drain(emitFinal);
    this.#tasks.drain(runTask);
    this.#dirty.drain(this.#flushOne);
    this.sharing.rest();
    if (began >= 0) {
      this.counters.turns++;
      this.counters.handlersMs += this.wheel.look() - began;
      this.#batchBeganAt = -1;
    }
  }

  /** @internal The pump's hook: limits, when all that has come was handled. */
  timePassed(): void {
    if (this.wheel.advance()) {
      this.flush();
    }
  }

  /** @internal The pump's hook: the port has failed, and with it every server and connection. */
  failed(error: Error): void {
    endAll(this, error);
    this.onFailed(error);
  }

  #ticksMoved(ticks: number): void {
    for (const connection of this.connections()) {
      moveTicks(connection, ticks);
    }
  }

  readonly #resumeOne = (connection: Connection): void => {
    try {
      resumeNow(connection);
    } catch (error) {
      close(connection, 'error', errorOf(error));
    }
  };

  readonly #flushOne = (connection: Connection): void => {
    try {
      flush(connection);
    } catch (error) {
      close(connection, 'error', errorOf(error));
    }
  };

  /** @internal */
  get hasWork(): boolean {
    return this.#dirty.length + this.#resuming.length + this.#finishing.length + this.#tasks.length > 0;
  }

  /** @internal */
  get owesTurn(): boolean {
    return this.paused.length > 0;
  }

  /** Memory that holds what was received on all connections: see `heldBytesMax`. */
  get heldBytes(): number {
    return this.held.bytes;
  }

  /** @internal */
  get dueAt(): number {
    return this.wheel.dueAt;
  }

  /** @internal */
  get late(): boolean {
    return this.wheel.dueAt <= this.wheel.now;
  }

  /** @internal It has something to post. */
  flushNext(connection: Connection): void {
    if ((connection.flags & DIRTY) === 0) {
      connection.flags |= DIRTY;
      this.#dirty.push(connection);
      this.port.wantTurn();
    }
  }

  /** @internal It goes on receiving. */
  resumeNextTurn(connection: Connection): void {
    if ((connection.flags & (RESUMING | CLOSING)) === 0) {
      connection.flags |= RESUMING;
      this.#resuming.push(connection);
      this.port.wantTurn();
    }
  }

  /** @internal Its end is to be told. */
  finishNext(connection: Connection): void {
    this.#finishing.push(connection);
    this.port.wantTurn();
  }

  /** @internal */
  runNext(task: TurnTask): void {
    this.#tasks.push(task);
    this.port.wantTurn();
  }

  /** @internal */
  armTimer(connection: Connection): void {
    armTimer(connection);
    this.port.wantTurn();
  }

  /** @internal Sets an alarm, in ms from now; 0 and Infinity are never. */
  setAlarm(alarm: Alarm, delayMs: number): void {
    this.wheel.look();
    const tick = tickAfter(this.wheel.tick, ticksOf(delayMs));
    if (tick < NEVER) {
      this.wheel.set(alarm, tick);
      this.port.wantTurn();
    } else {
      this.wheel.remove(alarm);
    }
  }

  /** @internal A queue for a connection that begins to write. */
  takeQueue(): WriteQueue {
    return this.#idleQueues.take() ?? new WriteQueue(this.port, this.#chunks);
  }

  /** @internal The connection has nothing to send. */
  giveQueue(connection: Connection): void {
    const { queue } = connection;
    connection.queue = undefined;
    if (queue !== undefined) {
      this.#idleQueues.give(queue);
    }
  }

  /** @internal Whether so much waits to be sent that each connection may only have a little of it. */
  get underPressure(): boolean {
    return this.queuedBytes > this.#pressureAt;
  }

  /** @internal It has much to send: more than a connection of an engine under pressure should. */
  trackBacklogged(connection: Connection): void {
    if ((connection.flags & (BACKLOGGED | CLOSING)) === 0) {
      connection.flags |= BACKLOGGED;
      this.#backlogged.add(connection);
    }
  }

  /** @internal It has not any more. */
  untrackBacklogged(connection: Connection): void {
    if ((connection.flags & BACKLOGGED) !== 0) {
      connection.flags &= ~BACKLOGGED;
      this.#backlogged.delete(connection);
    }
  }

  /** @internal Of the connections with much to send, the one with the most. */
  mostQueued(): Connection | undefined {
    let most: Connection | undefined;
    for (const connection of this.#backlogged) {
      if (most === undefined || connection.queuedBytes > most.queuedBytes) {
        most = connection;
      }
    }
    return most;
  }

  /** @internal A socket joins with its connection, listener or attempt. */
  associate(socket: OverlappedSocket, key: Connection | CompletionTarget): void {
    this.port.associate(socket, key);
  }

  /** @internal One more keeps the process alive, or one less. */
  reference(change: 1 | -1): void {
    this.#references += change;
    if (this.#references === 0) {
      this.port.unref();
    } else if (this.#references === 1 && change === 1) {
      this.port.ref();
    }
  }

  /** @internal How many keep the process alive. */
  get references(): number {
    return this.#references;
  }

  /** @internal Chunks that hold what was written and is not sent. */
  get chunksHeld(): number {
    return this.#chunks.blocksInUse;
  }

  /** @internal Connections that are not closed. */
  *connections(): Generator<Connection> {
    for (const { key } of this.port.sockets) {
      if (key instanceof Connection) {
        yield key;
      }
    }
  }

  /** Closes all servers and connections of the engine, and its port. Handlers still hear each `close`, with the reason `engine_closed`. */
  close(): void {
    if (this.port.closed) {
      return;
    }
    endAll(this);
    this.sharing.rest();
    this.port.close();
  }
}

function runTask(task: TurnTask): void {
  task.turn();
}
