/**
 * The core of an engine, which runs its connections: a completion port, whose completions it dispatches, the scheduler of
 * its rounds, and the budgets that its connections share. Programs hold it as an `Engine`.
 */

import { poisonFramedMemory } from '../framing/framed-memory.js';
import { callersContext, rootContext } from '../port/async-context.js';
import type { Completion } from '../port/completion.js';
import { CompletionPort } from '../port/completion-port.js';
import type { OverlappedSocket } from '../port/socket.js';
import { poisonRecordMemory } from '../tls/record-memory.js';
import { close } from './connection-core/close.js';
import { Delivery } from './connection-core/delivery.js';
import { emitFinal } from './connection-core/emit.js';
import { type ErrorSink, guarded, warnOfHandlerError } from './connection-core/handler-errors.js';
import { errorOf } from './connection-core/handler-table.js';
import { HeldMemory, stopIfPaused } from './connection-core/held-memory.js';
import { resumeNow } from './connection-core/receive.js';
import type { ConnectionRecord, EngineServices } from './connection-core/record.js';
import { ConnectionCounters, EngineCounters } from './counters.js';
import { checkEngineOptions, type EngineOptions } from './engine-options.js';
import { ReceiveMarks } from './low-water/receive-marks.js';
import { ENGINE_HELD_BYTES_MAX, ENGINE_QUEUED_BYTES_MAX } from './options.js';
import type { Pending } from './pending.js';
import type { CompletionTarget } from './scheduling/completion-target.js';
import { Scheduler } from './scheduling/scheduler.js';
import { TimerWheel } from './scheduling/timer-wheel.js';
import { HandshakeQueue } from './secure/handshake-queue.js';
import { engineClosed, engineOpened } from './writing/last-sends.js';
import { WriteBudget } from './writing/write-budget.js';

export class EngineCore implements EngineServices {
  readonly port: CompletionPort;
  readonly wheel: TimerWheel;
  /** @internal */
  readonly scheduler: Scheduler<ConnectionRecord>;
  readonly counters = new EngineCounters();
  /** Counts all connections that `connect` made. */
  readonly clientCounters = new ConnectionCounters();
  /** @internal */
  readonly writes: WriteBudget<ConnectionRecord>;
  readonly held: HeldMemory;
  readonly marks: ReceiveMarks;
  readonly handshakes: HandshakeQueue;
  readonly delivery: Delivery;
  readonly onHandlerError: ErrorSink;
  /** Called when the port has failed: a server without a listener of its own has no other way to learn of it. */
  onFailed: (error: Error) => void = () => undefined;
  /** Work that would never settle once the engine is closed. */
  readonly pending = new Set<Pending>();
  /** Whether its connections end when their thread ends, as sockets of Node do. By default they are reset. */
  endsWithThread = false;
  /** The number of things that keep the process alive. */
  references = 0;

  /** @throws see `Engine` */
  constructor(options: EngineOptions) {
    const portOptions = checkEngineOptions(options);
    if (options.poisonReleasedBuffers === true) {
      poisonFramedMemory();
      poisonRecordMemory();
    }
    this.held = new HeldMemory(options.engineHeldBytesMax ?? ENGINE_HELD_BYTES_MAX);
    this.onHandlerError = guarded((options.onHandlerError ?? warnOfHandlerError) as ErrorSink, callersContext());
    this.port = rootContext.enter(CompletionPort.create, CompletionPort, portOptions);
    const { port } = this;
    // A handler that returns a promise would keep the only buffer.
    this.delivery = new Delivery(options.bufferCount === 1);
    this.writes = new WriteBudget(port, options.engineQueuedBytesMax ?? ENGINE_QUEUED_BYTES_MAX);
    this.wheel = new TimerWheel(port.clock, (ticks) => this.#ticksMoved(ticks));
    this.marks = new ReceiveMarks(this.wheel);
    this.scheduler = new Scheduler(port, this.wheel, this.counters, this.marks, {
      stopIfPaused,
      resume: resumeNow,
      flush: (connection) => connection.postWritten(),
      finish: emitFinal,
      failed: closeFailing,
      roundOver: () => this.writes.roundOver(),
      portFailed: (error) => this.#portFailed(error),
    });
    this.handshakes = new HandshakeQueue(this.scheduler);
    try {
      // Handlers enter the context of their own `listen` or `connect`; nothing runs in the context of the engine's creator.
      rootContext.enter(
        () => port.start((completion) => this.#dispatch(completion), { hooks: this.scheduler }),
        undefined,
      );
    } catch (error) {
      port.close();
      throw error;
    }
    port.unref();
    engineOpened(this);
  }

  get closed(): boolean {
    return this.port.isClosed;
  }

  #dispatch(completion: Completion): void {
    this.scheduler.completionBegins();
    const target = completion.key as CompletionTarget | undefined;
    try {
      target?.completed(completion);
    } catch (error) {
      target?.failed(errorOf(error));
    }
  }

  #portFailed(error: Error): void {
    engineClosed(this);
    this.#endAll(error);
    this.onFailed(error);
  }

  #ticksMoved(ticks: number): void {
    for (const { key } of this.port.sockets) {
      (key as CompletionTarget | undefined)?.ticksMoved?.(ticks);
    }
  }

  /** The socket joins the port. Its completions go to the target. */
  associate(socket: OverlappedSocket, target: CompletionTarget): void {
    this.port.associate(socket, target);
  }

  /** Counts one more thing that keeps the process alive, or one less. */
  reference(change: 1 | -1): void {
    this.references += change;
    if (this.references === 0) {
      this.port.unref();
    } else if (this.references === 1 && change === 1) {
      this.port.ref();
    }
  }

  /** @param error what the port has failed with; undefined when the program closes the engine */
  #endAll(error?: Error): void {
    for (const pending of [...this.pending]) {
      pending.engineClosed();
    }
    for (const { key } of [...this.port.sockets]) {
      const target = key as CompletionTarget | undefined;
      if (error === undefined) {
        target?.engineClosed();
      } else {
        target?.failed(error);
      }
    }
  }

  /** Closes all servers and connections, and the port. */
  close(): void {
    if (!this.port.isClosed) {
      this.#endAll();
      this.writes.roundOver();
      engineClosed(this);
      this.port.close();
    }
  }
}

function closeFailing(connection: ConnectionRecord, error: unknown): void {
  close(connection, 'error', errorOf(error));
}
