/** A server on many threads, as each thread's module holds it. It sends to the connections of all threads. */

import { invalidType, misuse } from '../base/argument-errors.js';
import { OperationError } from '../base/errors.js';
import { close } from '../engine/connection-core/close.js';
import type { EngineCore } from '../engine/engine-core.js';
import { piecesOf } from '../engine/messages/send-message.js';
import type { ServerCore } from '../engine/server/server-core.js';
import { joinPieces, type Payload } from '../engine/writing/payload.js';
import { costOf, type Outbox, type Publication } from './publications.js';

/** The publications of one round are posted together, in parts of at most this many publications and bytes. */
const TOGETHER_MAX = 256;
const TOGETHER_BYTES_MAX = 256 * 1024;

/** The server as a thread's module sees it: it sends to the connections of all threads. */
export class ServerInThread {
  readonly #engine: EngineCore;
  readonly #outbox: Outbox;
  #server: ServerCore | undefined;
  #gathered: Publication[] = [];
  #gatheredBytes = 0;

  /** @internal */
  constructor(engine: EngineCore, outbox: Outbox) {
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
    const bytes = sharedBuffer(pieces);
    if (bytes.byteLength > 0) {
      this.#gather({ topic, bytes });
    }
    return this.#sendHere(topic, bytes);
  }

  /**
   * In each thread the sends keep the memory alive. A terminated thread no longer does, and its last send may still be with
   * the system: that only reads the memory, and the connection is being reset.
   */
  #sendHere(topic: string | undefined, bytes: SharedArrayBuffer): number {
    return this.#server?.send(topic, this.#engine.writes.sharing.of(new Uint8Array(bytes))) ?? 0;
  }

  #gather(publication: Publication): void {
    if (this.#gathered.length === 0) {
      this.#engine.scheduler.runNext(this);
    }
    this.#gathered.push(publication);
    this.#gatheredBytes += costOf(publication);
    if (this.#gathered.length >= TOGETHER_MAX || this.#gatheredBytes >= TOGETHER_BYTES_MAX) {
      this.runTask();
    }
  }

  /** @internal */
  runTask(): void {
    const publications = this.#gathered;
    if (publications.length > 0) {
      this.#gathered = [];
      this.#gatheredBytes = 0;
      this.#outbox.send({ kind: 'publish', publications });
    }
  }

  /** @internal Sends what another thread has published. */
  published(publications: readonly Publication[]): void {
    for (const { topic, bytes } of publications) {
      this.#sendHere(topic, bytes);
    }
  }

  /** @internal Closes every connection, as each may have missed a publication. */
  missed(): void {
    for (const connection of this.#server?.connections ?? []) {
      close(connection, 'engine_queue_full', missedSome());
    }
  }
}

/** Text and bytes, encoded once for all threads. */
export function sharedBuffer(pieces: readonly Payload[]): SharedArrayBuffer {
  const memory = joinPieces(pieces, (byteLength) => new Uint8Array(new SharedArrayBuffer(byteLength)));
  return memory.buffer as SharedArrayBuffer;
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
