/** One attempt to connect, on the engine. */

import type { SocketAddress } from '../../base/address.js';
import type { EngineCore } from '../../engine/engine-core.js';
import { cancelledByClose, type Pending } from '../../engine/pending.js';
import type { CompletionTarget } from '../../engine/scheduling/completion-target.js';
import type { AsyncContext } from '../../port/async-context.js';
import type { Completion } from '../../port/completion.js';
import type { OverlappedSocket } from '../../port/socket.js';
import { callBack } from '../call.js';
import type { Attempt } from '../socket/state.js';

/** Called once, unless the attempt was cancelled; in the context of the program's call. */
export type AttemptDone = (error: Error | undefined, socket: OverlappedSocket | undefined) => void;

export class EngineAttempt implements Attempt, CompletionTarget, Pending {
  readonly #engine: EngineCore;
  readonly #context: AsyncContext;
  readonly #socket: OverlappedSocket;
  readonly #done: AttemptDone;
  #referenced = false;
  #over = false;

  /** @throws OperationError when the system has no socket of the family */
  constructor(engine: EngineCore, context: AsyncContext, family: SocketAddress['family'], done: AttemptDone) {
    this.#engine = engine;
    this.#context = context;
    this.#done = done;
    this.#socket = engine.port.createSocket(family);
  }

  /** Binds it to a local address. @throws OperationError */
  bind(address: SocketAddress): void {
    this.#socket.bind(address);
  }

  /** Begins to connect. @throws OperationError */
  start(address: SocketAddress): void {
    this.#engine.port.associate(this.#socket, this);
    this.#engine.port.postConnect(this.#socket, address);
    this.#engine.counters.connectsPosted++;
    this.#engine.pending.add(this);
    this.setReferenced(true);
  }

  setReferenced(referenced: boolean): void {
    if (this.#referenced !== referenced && !this.#over) {
      this.#referenced = referenced;
      this.#engine.reference(referenced ? 1 : -1);
    }
  }

  /** @returns whether it was not over before */
  #end(): boolean {
    if (this.#over) {
      return false;
    }
    this.setReferenced(false);
    this.#over = true;
    this.#engine.pending.delete(this);
    return true;
  }

  cancel(): void {
    this.#end();
    if (!this.#socket.closed) {
      this.#engine.port.closeSocket(this.#socket);
    }
  }

  completed(completion: Completion): void {
    this.#engine.counters.connectsCompleted++;
    if (completion.code === undefined) {
      if (this.#end()) {
        this.#report(undefined, this.#socket);
      }
    } else {
      this.failed(completion.toError());
    }
  }

  failed(error: Error): void {
    if (this.#end()) {
      this.#engine.port.closeSocket(this.#socket);
      this.#report(error, undefined);
    }
  }

  engineClosed(): void {
    this.failed(cancelledByClose('connect'));
  }

  #report(error: Error | undefined, socket: OverlappedSocket | undefined): void {
    this.#context.run(callBack, undefined, this.#done, error, socket);
  }
}
