/** Accepting in the main thread for all: each connection goes to the thread with the fewest. */

import { OperationError } from '../base/errors.js';
import type { CompletionTarget, TurnTask } from '../engine/engine.js';
import type { EngineUse } from '../engine/shared-engines.js';
import type { Completion } from '../port/completion.js';
import type { OverlappedSocket } from '../port/socket.js';
import type { Thread } from './thread.js';
import type { WorkerPool } from './worker-pool.js';

/** Connections that may wait for a thread while none serves; further ones are reset. */
const WAITING_MAX = 4096;

export class Acceptor implements CompletionTarget, TurnTask {
  readonly #use: EngineUse;
  readonly #listener: OverlappedSocket;
  readonly #crew: WorkerPool;
  readonly #onFailure: (error: Error) => void;
  /** Accepted sockets that no thread has yet. */
  #waiting: OverlappedSocket[] = [];
  #due = false;
  #closed = false;
  #referenced = false;

  constructor(use: EngineUse, listener: OverlappedSocket, crew: WorkerPool, onFailure: (error: Error) => void) {
    this.#use = use;
    this.#listener = listener;
    this.#crew = crew;
    this.#onFailure = onFailure;
  }

  /** Begins to accept. */
  start(): void {
    this.#use.engine.associate(this.#listener, this);
    this.ref();
    this.#postAccept();
  }

  #postAccept(): void {
    const { engine } = this.#use;
    engine.port.postAccept(this.#listener);
    engine.counters.acceptsPosted++;
  }

  completed(completion: Completion): void {
    const { accepted } = completion;
    if (accepted !== undefined && (this.#closed || this.#waiting.length >= WAITING_MAX)) {
      this.#use.engine.port.closeSocket(accepted, { reset: true });
    } else if (accepted !== undefined) {
      this.#waiting.push(accepted);
      this.handOverSoon();
    }
    if (!completion.more && !this.#closed) {
      if (completion.code !== undefined) {
        throw completion.toError();
      }
      this.#postAccept();
    }
  }

  /** Accepting has failed for good. */
  failed(error: Error): void {
    if (!this.#closed) {
      this.#onFailure(error);
    }
  }

  engineClosed(): void {
    const reason = 'The engine of the main thread was closed';
    this.failed(new OperationError({ code: 'ECANCELED', reason, syscall: 'accept' }));
  }

  /** What waits is handed over in the next turn: what came in one turn goes to its thread in one message. */
  handOverSoon(): void {
    if (!this.#due && this.#waiting.length > 0) {
      this.#due = true;
      this.#use.engine.runNext(this);
    }
  }

  turn(): void {
    this.#due = false;
    const handles = new Map<Thread, number[]>();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const socket of waiting) {
      const thread = this.#closed ? undefined : this.#crew.chooseThread();
      if (thread === undefined) {
        this.#waiting.push(socket);
        continue;
      }
      const handle = this.#use.engine.port.detach(socket, thread.id);
      const list = handles.get(thread);
      if (list === undefined) {
        handles.set(thread, [handle]);
      } else {
        list.push(handle);
      }
    }
    for (const [thread, list] of handles) {
      thread.take(list);
    }
  }

  /** Stops listening. What no thread has yet is closed. */
  close(): void {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    const { port } = this.#use.engine;
    if (!port.closed) {
      port.closeSocket(this.#listener);
      this.#waiting.forEach((socket) => port.closeSocket(socket));
    }
    this.#waiting = [];
    this.unref();
    this.#use.release();
  }

  ref(): void {
    if (!this.#referenced && !this.#closed) {
      this.#referenced = true;
      this.#use.engine.reference(1);
    }
  }

  unref(): void {
    if (this.#referenced) {
      this.#referenced = false;
      this.#use.engine.reference(-1);
    }
  }
}
