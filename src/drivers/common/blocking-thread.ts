/**
 * A worker that makes blocking calls, one at a time. On libuv's pool, which has four threads for the whole process, a
 * call that waits would delay `fs`, `dns` and other ports.
 *
 * The worker never returns to its event loop: between two calls it sleeps in `Atomics.wait`.
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

/** Limits that suffice for Node's own modules, koffi and one loop, in MiB. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4, stackSizeMb: 2 };

export interface BlockingThreadOwner {
  /** The thread has loaded, and can make calls from now on. */
  threadLoaded(): void;
  /** The call has ended. */
  callEnded(result: number): void;
  /** The thread could not start, or has died. If it was in a call, the call has ended with an unknown result. */
  threadFailed(reason: string): void;
}

export class BlockingThread {
  readonly #owner: BlockingThreadOwner;
  readonly #memory: BlockingMemory = createBlockingMemory();
  readonly #port: MessagePort;
  /** Number of calls that were started. */
  #started = 0;
  #loaded = false;
  #closed = false;
  #dead = false;

  /** @throws Error if the program may not start workers */
  constructor(call: BlockingCall, owner: BlockingThreadOwner) {
    this.#owner = owner;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const worker = new Worker(new URL('./overlapped-blocking-worker.js', import.meta.url), {
      name: `overlapped ${call}`,
      workerData: { call, memory: this.#memory, port: port2 } satisfies BlockingThreadData,
      transferList: [port2],
      // The worker inherits Node's options: a preloaded module may be needed to find koffi, as in Yarn's Plug'n'Play.
      resourceLimits: RESOURCE_LIMITS,
    });
    worker.on('error', (error) => this.#ended(String(error)));
    worker.on('exit', (code) => this.#ended(`its exit code is ${code}`));
    worker.unref();
    this.#port.on('message', () => this.#messageReceived());
  }

  /** Whether the thread can make calls. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Whether the thread is in a call. */
  get calling(): boolean {
    return !this.#dead && Atomics.load(this.#memory.words, ENDED) !== this.#started;
  }

  /** Starts the call. The memory that its parameters point to must stay until `callEnded`. */
  start(parameters: readonly number[]): void {
    const { words, parameters: memory } = this.#memory;
    assert(this.#loaded);
    assert(!this.calling);
    memory.set(parameters);
    words[COUNT] = parameters.length;
    Atomics.store(words, STARTED, ++this.#started);
    Atomics.notify(words, STARTED);
  }

  #messageReceived(): void {
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

  /** Blocks this thread until the call has ended, for up to `timeoutMs`. */
  join(timeoutMs: number): void {
    const { words } = this.#memory;
    const deadline = performanceNow() + timeoutMs;
    for (let leftMs = timeoutMs; this.calling && leftMs > 0; leftMs = deadline - performanceNow()) {
      Atomics.wait(words, ENDED, this.#started - 1, leftMs);
    }
  }

  /** Keeps the event loop running as long as the thread may report something. */
  ref(): void {
    this.#port.ref();
  }

  unref(): void {
    this.#port.unref();
  }

  /** Ends the thread after its call, whose end is still reported. */
  forbidCalls(): void {
    const { words } = this.#memory;
    Atomics.store(words, STARTED, CLOSED);
    Atomics.notify(words, STARTED);
  }

  /** Ends the thread after its call. Nothing is reported any more. */
  close(): void {
    assert(!this.#closed);
    this.#closed = true;
    this.forbidCalls();
    this.#port.close();
  }
}
