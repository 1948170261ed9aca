/** A server on many threads, as each thread's module holds it. It sends to the connections of all threads. */

import { invalidType, misuse } from '../base/argument-errors.js';
import { OperationError } from '../base/errors.js';
import { close } from '../engine/connection-core/close.js';
import type { EngineCore } from '../engine/engine-core.js';
import { piecesOf } from '../engine/messages/send-message.js';
import type { ServerCore } from '../engine/server/server-core.js';
import type { Payload } from '../engine/writing/payload.js';
import type { SharedBytes } from '../engine/writing/shared-bytes.js';
import type { Outbox } from './outbox.js';
import { type Batch, Packer, unpack } from './publications.js';

/** The server as a thread's module sees it: it sends to the connections of all threads. */
export class ServerInThread {
  readonly #engine: EngineCore;
  readonly #outbox: Outbox | undefined;
  readonly #packer = new Packer();
  readonly #receive = (topic: string | undefined, bytes: Uint8Array): void => {
    this.#sendHere(topic, this.#engine.writes.sharing.of(bytes));
  };
  #server: ServerCore | undefined;

  /** @internal @param outbox to the other threads; undefined if there are none */
  constructor(engine: EngineCore, outbox: Outbox | undefined) {
    this.#engine = engine;
    this.#outbox = outbox;
  }

  /** @internal Sets the server that has this thread's connections. */
  serve(server: ServerCore): void {
    this.#server = server;
  }

  /**
   * Sends bytes or text to all connections of all threads. It takes no filter, as functions cannot be posted to other
   * threads: let connections subscribe to a topic instead.
   * @returns the number of this thread's connections that it was written to
   * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` with a filter
   */
  broadcast(data: Payload, filter?: undefined): number {
    refuseFilter(filter);
    return this.#send(undefined, [data]);
  }

  /** The same with a message, which is encoded once. @throws FramingError */
  broadcastMessage(message: unknown, filter?: undefined): number {
    refuseFilter(filter);
    return this.#send(undefined, piecesOf(this.#server?.messages, message));
  }

  /**
   * Sends bytes or text to all subscribers of a topic, in any thread.
   * @returns the number of this thread's connections that it was written to
   * @throws TypeError `ERR_INVALID_ARG_TYPE`
   */
  publish(topic: string, data: Payload): number {
    checkTopic(topic);
    return this.#send(topic, [data]);
  }

  /** The same with a message, which is encoded once. @throws FramingError */
  publishMessage(topic: string, message: unknown): number {
    checkTopic(topic);
    return this.#send(topic, piecesOf(this.#server?.messages, message));
  }

  #send(topic: string | undefined, pieces: readonly Payload[]): number {
    if (this.#outbox === undefined) {
      return this.#sendHere(topic, this.#engine.writes.sharing.join(pieces));
    }
    if (this.#packer.isEmpty) {
      this.#engine.scheduler.runNext(this);
    }
    const bytes = this.#packer.add(topic, pieces);
    const count = this.#sendHere(topic, this.#engine.writes.sharing.of(bytes));
    if (this.#packer.isFull) {
      this.flush();
    }
    return count;
  }

  /**
   * In each thread the sends keep the memory alive. A terminated thread no longer does, and its last send may still be with
   * the system: that only reads the memory, and the connection is being reset.
   */
  #sendHere(topic: string | undefined, bytes: SharedBytes): number {
    if (this.#server === undefined) {
      bytes.holder.release();
      return 0;
    }
    return this.#server.send(topic, bytes);
  }

  /** @internal The turn is over: its publications leave together. */
  runTask(): void {
    this.flush();
  }

  /** @internal Posts what was published, for the other threads. */
  flush(): void {
    if (!this.#packer.isEmpty) {
      this.#outbox?.add([this.#packer.take()]);
      this.#outbox?.flush();
    }
  }

  /** @internal Sends what other threads have published. */
  published(batches: readonly Batch[]): void {
    batches.forEach((batch) => unpack(batch, this.#receive));
  }

  /** @internal Closes every connection, as each may have missed a publication. */
  missed(): void {
    for (const connection of this.#server?.connections ?? []) {
      close(connection, 'engine_queue_full', missedSome());
    }
  }
}

export function checkTopic(topic: unknown): void {
  if (typeof topic !== 'string') {
    throw invalidType('topic', 'a string', topic);
  }
}

export function refuseFilter(filter: unknown): void {
  if (filter !== undefined && filter !== null) {
    throw misuse(
      'filter: expected none, as a function stays in its thread; let connections subscribe to a topic instead',
    );
  }
}

function missedSome(): OperationError {
  return new OperationError({
    code: 'ERR_WRITE_QUEUE_FULL',
    reason: 'More was published than this thread took: too much waited for it (engineQueuedBytesMax of engineOptions)',
    syscall: 'write',
  });
}
