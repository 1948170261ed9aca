/** The accepts of a listener: posts them, and hands out the accepted sockets in rounds. */

import { isError } from '../base/errors.js';
import { Fifo } from '../base/fifo.js';
import type { Completion } from '../port/completion.js';
import type { OverlappedSocket } from '../port/socket.js';
import type { EngineCore } from './engine-core.js';
import type { CompletionTarget } from './scheduling/completion-target.js';
import type { RoundTask } from './scheduling/scheduler.js';
import { Alarm } from './scheduling/timer-wheel.js';

/** Takes the accepted sockets, and hears how accepting ends. */
export interface AcceptQueueOwner {
  /** A socket was accepted. It is taken or dropped later, once. */
  socketAccepted(): void;
  /** Takes a socket. Returns false to leave it, and those after it, in the queue until `resume`. */
  takeSocket(socket: OverlappedSocket): boolean;
  /** A socket was closed before it was taken. */
  socketDropped(): void;
  /** The round is over: the sockets taken since the last call are all for now. */
  roundOver(): void;
  /** Accepting has failed for good. */
  acceptFailed(error: Error): void;
  /** The engine closes. */
  engineClosed(): void;
  /** The listener was closed and its last accept has completed. */
  listenerClosed(): void;
}

export interface AcceptQueueParts {
  readonly engine: EngineCore;
  /** Undefined where another thread accepts and passes the sockets to `add`. */
  readonly listener: OverlappedSocket | undefined;
  readonly owner: AcceptQueueOwner;
  /** The most sockets that `takeSocket` takes in one round. */
  readonly perRoundMax: number;
  /** The most sockets that wait. Further ones are reset. */
  readonly waitingMax: number;
}

/**
 * The delay before an accept is tried again that found operationsMax operations in flight, in ms. Any operation that
 * ends makes room, and none of them says so here.
 */
const RETRY_MS = 50;

export class AcceptQueue implements CompletionTarget, RoundTask {
  readonly #engine: EngineCore;
  readonly #listener: OverlappedSocket | undefined;
  readonly #owner: AcceptQueueOwner;
  readonly #perRoundMax: number;
  readonly #waitingMax: number;
  readonly #waiting = new Fifo<OverlappedSocket>();
  readonly #retry = new Alarm(() => this.#postAgain());
  /** It is among the engine's tasks of the next round. */
  #due = false;
  #open = true;
  #referenced = false;

  constructor(parts: AcceptQueueParts) {
    this.#engine = parts.engine;
    this.#listener = parts.listener;
    this.#owner = parts.owner;
    this.#perRoundMax = parts.perRoundMax;
    this.#waitingMax = parts.waitingMax;
  }

  /** Begins to accept, and keeps the process alive. @throws OperationError why the first accept cannot be posted */
  start(): void {
    if (this.#listener !== undefined) {
      this.#engine.port.associate(this.#listener, this);
      this.#post(this.#listener);
    }
    this.ref();
  }

  #post(listener: OverlappedSocket): void {
    this.#engine.port.postAccept(listener);
    this.#engine.counters.acceptsPosted++;
  }

  /** Posts the next accept. One for which there is no room waits: a busy server must not stop listening. */
  #postAgain(): void {
    if (!this.#open || this.#listener === undefined) {
      return;
    }
    try {
      this.#post(this.#listener);
    } catch (error) {
      if (isError(error) && (error as NodeJS.ErrnoException).code === 'ENOBUFS') {
        this.#engine.scheduler.setAlarm(this.#retry, RETRY_MS);
      } else {
        this.failed(error as Error);
      }
    }
  }

  completed(completion: Completion): void {
    this.#engine.counters.acceptsCompleted++;
    const { accepted } = completion;
    if (accepted !== undefined) {
      this.#owner.socketAccepted();
      this.add(accepted);
    }
    if (!completion.more && this.#open) {
      if (completion.code !== undefined) {
        throw completion.toError();
      }
      this.#postAgain();
    }
    if (!this.#open) {
      this.#owner.listenerClosed();
    }
  }

  failed(error: Error): void {
    if (this.#open) {
      this.#owner.acceptFailed(error);
    }
  }

  engineClosed(): void {
    this.#owner.engineClosed();
  }

  /** Queues an accepted socket for the next round. */
  add(socket: OverlappedSocket): void {
    if (!this.#open) {
      this.#drop(socket, false);
    } else if (this.#waiting.length >= this.#waitingMax) {
      this.#drop(socket, true);
    } else {
      this.#waiting.push(socket);
      this.resume();
    }
  }

  #drop(socket: OverlappedSocket, reset: boolean): void {
    this.#engine.port.closeSocket(socket, { reset });
    this.#owner.socketDropped();
  }

  /** Offers the sockets that wait, in the next round. */
  resume(): void {
    if (!this.#due && this.#waiting.length > 0) {
      this.#due = true;
      this.#engine.scheduler.runNext(this);
    }
  }

  runTask(): void {
    this.#due = false;
    let takes = true;
    try {
      // One by one: if one of them closes the server, the others are dropped.
      for (let left = this.#perRoundMax; takes && left > 0 && this.#waiting.length > 0; left--) {
        const socket = this.#waiting.shift();
        takes = this.#owner.takeSocket(socket);
        if (!takes) {
          this.#waiting.putBack([socket]);
        }
      }
    } finally {
      this.#owner.roundOver();
      if (takes) {
        this.resume();
      }
    }
  }

  /** Whether sockets are accepted. */
  get open(): boolean {
    return this.#open;
  }

  /** Whether the listener has its address still: its last accept has not completed. */
  get listenerCloses(): boolean {
    return this.#listener?.state === 'closing';
  }

  /** Stops listening, and closes the sockets that wait. */
  close(): void {
    if (!this.#open) {
      return;
    }
    this.#open = false;
    const { port, wheel } = this.#engine;
    wheel.remove(this.#retry);
    if (this.#listener !== undefined) {
      port.closeSocket(this.#listener);
    }
    while (this.#waiting.length > 0) {
      this.#drop(this.#waiting.shift(), false);
    }
  }

  /** Keeps the process alive. */
  ref(): void {
    if (!this.#referenced) {
      this.#referenced = true;
      this.#engine.reference(1);
    }
  }

  /** No longer keeps the process alive. */
  unref(): void {
    if (this.#referenced) {
      this.#referenced = false;
      this.#engine.reference(-1);
    }
  }
}
