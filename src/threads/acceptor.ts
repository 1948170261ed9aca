/** Accepts connections in the main thread, and passes each to the thread with the fewest. */

import { OperationError } from '../base/errors.js';
import { AcceptQueue, type AcceptQueueOwner } from '../engine/accept-queue.js';
import type { EngineUse } from '../engine/shared-engines.js';
import type { OverlappedSocket } from '../port/socket.js';
import type { Thread } from './thread.js';
import type { WorkerPool } from './worker-pool.js';

/** Connections that may wait for a thread while none serves. Further ones are reset. */
const WAITING_MAX = 4096;

export class Acceptor implements AcceptQueueOwner {
  readonly #use: EngineUse;
  readonly #pool: WorkerPool;
  readonly #onFailure: (error: Error) => void;
  readonly #accepts: AcceptQueue;
  /** Handles of this round's sockets, for the thread that each was given to. */
  readonly #handles = new Map<Thread, number[]>();

  constructor(use: EngineUse, listener: OverlappedSocket, pool: WorkerPool, onFailure: (error: Error) => void) {
    this.#use = use;
    this.#pool = pool;
    this.#onFailure = onFailure;
    this.#accepts = new AcceptQueue({
      engine: use.engine,
      listener,
      owner: this,
      perRoundMax: WAITING_MAX,
      waitingMax: WAITING_MAX,
    });
  }

  /** Begins to accept. @throws OperationError why the first accept cannot be posted */
  start(): void {
    this.#accepts.start();
  }

  /** A thread serves again: the connections that wait are passed on in the next round. */
  resume(): void {
    this.#accepts.resume();
  }

  socketAccepted(): void {}

  socketDropped(): void {}

  takeSocket(socket: OverlappedSocket): boolean {
    const thread = this.#pool.chooseThread();
    if (thread === undefined) {
      return false;
    }
    const handle = this.#use.engine.port.detach(socket, thread.id);
    const handles = this.#handles.get(thread);
    if (handles === undefined) {
      this.#handles.set(thread, [handle]);
    } else {
      handles.push(handle);
    }
    return true;
  }

  /** Each thread gets the sockets of a round in one message. */
  roundOver(): void {
    for (const [thread, handles] of this.#handles) {
      thread.take(handles);
    }
    this.#handles.clear();
  }

  acceptFailed(error: Error): void {
    this.#onFailure(error);
  }

  /** A shared engine also closes because this acceptor, the last that used it, has closed: that is no failure. */
  engineClosed(): void {
    if (this.#accepts.open) {
      const reason = 'The engine of the main thread was closed';
      this.#onFailure(new OperationError({ code: 'ECANCELED', reason, syscall: 'accept' }));
    }
  }

  listenerClosed(): void {}

  /** Stops listening, and closes the connections that no thread has yet. */
  close(): void {
    if (this.#accepts.open) {
      this.#accepts.close();
      this.#accepts.unref();
      this.#use.release();
    }
  }

  ref(): void {
    if (this.#accepts.open) {
      this.#accepts.ref();
    }
  }

  unref(): void {
    this.#accepts.unref();
  }
}
