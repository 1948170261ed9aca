/** Publications on their way through the main thread: its own, and those of each thread for the others. */

import { queueMicrotask, setImmediate } from '../base/runtime.js';
import type { Payload } from '../engine/writing/payload.js';
import type { Published } from './outbox.js';
import { Packer } from './publications.js';
import type { Thread } from './thread.js';

/**
 * Waking a thread costs far more than a publication, so they travel together: what one callback publishes is one batch, and
 * the batches of one turn for a thread that has not read the earlier ones are one message. A thread that has read everything
 * gets a batch at once.
 */
export class Relay {
  readonly #threads: () => readonly Thread[];
  readonly #packer = new Packer();
  #flushFollows = false;
  readonly #pass = (): void => this.#passOwn();
  readonly #flush = (): void => this.#flushAll();

  /** @param threads returns those that get publications now */
  constructor(threads: () => readonly Thread[]) {
    this.#threads = threads;
  }

  /** Publishes for the main thread. @throws TypeError `ERR_INVALID_ARG_TYPE` */
  publish(topic: string | undefined, pieces: readonly Payload[]): void {
    const wasEmpty = this.#packer.isEmpty;
    this.#packer.add(topic, pieces);
    if (this.#packer.isFull) {
      this.#passOwn();
    } else if (wasEmpty) {
      queueMicrotask(this.#pass);
    }
  }

  /** Passes on to the others what a thread has sent. */
  received(message: Published, from: Thread): void {
    // Publications of the main thread from before keep their place.
    this.#passOwn();
    for (const thread of this.#threads()) {
      if (thread !== from) {
        passTo(thread, message);
      }
    }
    this.#flushLater();
  }

  #passOwn(): void {
    if (!this.#packer.isEmpty) {
      const message: Published = { kind: 'publish', batches: [this.#packer.take()] };
      for (const thread of this.#threads()) {
        passTo(thread, message);
      }
      this.#flushLater();
    }
  }

  #flushLater(): void {
    if (!this.#flushFollows && this.#threads().some(({ outbox }) => outbox.isWaiting)) {
      this.#flushFollows = true;
      setImmediate(this.#flush);
    }
  }

  #flushAll(): void {
    this.#flushFollows = false;
    for (const { outbox } of this.#threads()) {
      outbox.flush();
    }
  }

  /** Posts everything that waits. */
  flush(): void {
    this.#passOwn();
    this.#flushAll();
  }
}

function passTo({ outbox }: Thread, message: Published): void {
  if (message.kind === 'missed') {
    outbox.miss();
  } else {
    outbox.add(message.batches);
  }
}
