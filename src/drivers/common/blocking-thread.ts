/**
 * A thread of our own that makes blocking calls, one at a time. On libuv's pool, which has four threads for all of the
 * process, a call that waits keeps `fs`, `dns` and other calls of its kind from being made.
 *
 * The worker never returns to its event loop: it sleeps in `Atomics.wait` between two calls.
 */

import { URL } from 'node:url';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { assert } from '../../base/assert.js';
import { performanceNow } from '../../base/runtime.js';
import type { BlockingCall } from '../../ffi/blocking-calls.js';
import {
  type BlockingMemory,
  type BlockingThreadData,
  CLOSED,
  COUNT,
  createBlockingMemory,
  ENDED,
  RESULT,
  STARTED,
} from './blocking-memory.js';

/** The heap that a worker needs for Node's own modules, koffi and one loop, in MiB. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4, stackSizeMb: 2 };

export interface BlockingThreadOwner {
  /** The thread has loaded, and makes calls from now on. */
  threadLoaded(): void;
  /** The call is over. */
  callEnded(result: number): void;
  /** There is no such thread, or no longer. A call that it was making is over, and its result is unknown. */
  threadFailed(reason: string): void;
}

export class BlockingThread {
  readonly #owner: BlockingThreadOwner;
  readonly #memory: BlockingMemory = createBlockingMemory();
  readonly #port: MessagePort;
  /** Calls that were started. */
  #started = 0;
  #loaded = false;
  #closed = false;
  #dead = false;

  /** @throws Error where the program may not start workers */
  constructor(call: BlockingCall, owner: BlockingThreadOwner) {
    this.#owner = owner;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const worker = new Worker(new URL('./overlapped-blocking-worker.js', import.meta.url), {
      name: `overlapped ${call}`,
      workerData: { call, memory: this.#memory, port: port2 } satisfies BlockingThreadData,
      transferList: [port2],
      // Node's options are inherited: a preloaded module may be what finds koffi, as in Yarn's Plug'n'Play.
      resourceLimits: RESOURCE_LIMITS,
    });
    worker.on('error', (error) => this.#ended(String(error)));
    worker.on('exit', (code) => this.#ended(`its exit code is ${code}`));
    worker.unref();
    this.#port.on('message', () => this.#heard());
  }

  /** Whether it can make calls. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Whether it is inside a call at this moment. */
  get calling(): boolean {
    return !this.#dead && Atomics.load(this.#memory.words, ENDED) !== this.#started;
  }

  /** Starts the call. What its parameters point to must stay until `callEnded`. */
  start(parameters: readonly number[]): void {
    const { words, parameters: memory } = this.#memory;
    assert(this.#loaded && !this.calling);
    memory.set(parameters);
    words[COUNT] = parameters.length;
    Atomics.store(words, STARTED, ++this.#started);
    Atomics.notify(words, STARTED);
  }

  #heard(): void {
    if (!this.#loaded) {
      this.#loaded = true;
      this.#owner.threadLoaded();
    } else {
      this.#owner.callEnded(this.#memory.words[RESULT] as number);
    }
  }

  #ended(reason: string): void {
    if (!this.#closed && !this.#dead) {
      this.#dead = true;
      this.#port.close();
      this.#owner.threadFailed(reason);
    }
  }

  /** Blocks this thread until the call is over, for up to `timeoutMs`. */
  join(timeoutMs: number): void {
    const { words } = this.#memory;
    const deadline = performanceNow() + timeoutMs;
    for (let leftMs = timeoutMs; this.calling && leftMs > 0; leftMs = deadline - performanceNow()) {
      Atomics.wait(words, ENDED, this.#started - 1, leftMs);
    }
  }

  /** The event loop goes on for as long as this thread may say something. */
  ref(): void {
    this.#port.ref();
  }

  unref(): void {
    this.#port.unref();
  }

  /** Ends the thread when its call is over; that is reported still. */
  forbidCalls(): void {
    const { words } = this.#memory;
    Atomics.store(words, STARTED, CLOSED);
    Atomics.notify(words, STARTED);
  }

  /** The same, and nothing is reported any more. */
  close(): void {
    assert(!this.#closed);
    this.#closed = true;
    this.forbidCalls();
    this.#port.close();
  }
}
