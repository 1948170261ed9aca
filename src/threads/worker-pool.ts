/** The threads of one server: they start together, dead ones are replaced, and they close together. */

import { clearTimeout, setTimeout } from '../base/runtime.js';
import type { HandlerErrorInfo } from '../engine/handlers.js';
import type { GivenContext } from '../engine/secure/server-tls.js';
import type { ListenOptions } from '../engine/server/listen.js';
import type { ServerStatistics } from '../engine/statistics.js';
import type { Payload } from '../engine/writing/payload.js';
import { BackOff } from './back-off.js';
import type { Published } from './outbox.js';
import type { PostedInfo, ThreadData, ThreadReady } from './protocol.js';
import { Relay } from './relay.js';
import { Thread, type ThreadOwner, type ThreadStart } from './thread.js';

export interface WorkerPoolSettings {
  readonly data: Omit<ThreadData, 'thread' | 'counts' | 'backlogs' | 'contexts'>;
  readonly workerOptions: ThreadStart['workerOptions'];
}

/** Hears of what happens in the threads. */
export interface WorkerPoolOwner {
  handlerFailed(error: Error, info: HandlerErrorInfo): void;
  listenFailed(error: Error): void;
  threadDied(error: Error): void;
  /** A thread has taken the place of a dead one. */
  threadReplaced(): void;
}

export class WorkerPool implements ThreadOwner {
  readonly #settings: WorkerPoolSettings;
  readonly #owner: WorkerPoolOwner;
  readonly #counts: Int32Array;
  /** The threads that serve, by index; undefined where a dead one is not replaced yet. */
  readonly #serving: (Thread | undefined)[];
  readonly #starting = new Set<Thread>();
  readonly #relay = new Relay(() => this.#living());
  readonly #backOffs: readonly BackOff[];
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Contexts of TLS that were given after the start, by name; the server's own has none. */
  readonly #contexts = new Map<string | undefined, GivenContext>();
  /** The options of each thread, with the address that the first one listens on. */
  #options: ListenOptions;
  /** The index at which the search for the thread with the fewest connections begins. */
  #next = 0;
  #closing = false;
  #referenced = true;
  threadsReplaced = 0;

  constructor(settings: WorkerPoolSettings, owner: WorkerPoolOwner) {
    const { threads, options } = settings.data;
    this.#settings = settings;
    this.#owner = owner;
    this.#options = options;
    this.#counts = new Int32Array(new SharedArrayBuffer(4 * threads));
    this.#serving = Array.from({ length: threads }, () => undefined);
    this.#backOffs = this.#serving.map(() => new BackOff());
  }

  /** Starts all threads. @throws the error of a thread that cannot start, after all threads have ended */
  async start(): Promise<ThreadReady> {
    const indexes = [...this.#serving.keys()];
    try {
      const first = await this.#startOne(0);
      const { address } = first;
      if (this.#settings.data.acceptedAt === undefined && address.family !== 'unix') {
        // All threads listen on the port that the system chose for port 0.
        this.#options = { ...this.#options, host: address.address, port: address.port };
      }
      await Promise.all(indexes.slice(1).map((index) => this.#startOne(index)));
      return first;
    } catch (error) {
      await this.close(0);
      throw error;
    }
  }

  async #startOne(index: number): Promise<ThreadReady> {
    const { data, workerOptions } = this.#settings;
    const counts = this.#counts.buffer as SharedArrayBuffer;
    const contexts = [...this.#contexts.values()];
    const thread = new Thread(
      { data: { ...data, thread: index, options: this.#options, counts, contexts }, workerOptions },
      this,
    );
    this.#starting.add(thread);
    if (!this.#referenced) {
      thread.unref();
    }
    try {
      const ready = await thread.ready;
      this.#serving[index] = thread;
      return ready;
    } finally {
      this.#starting.delete(thread);
    }
  }

  handlerFailed(error: Error, info: PostedInfo, { index }: Thread): void {
    this.#owner.handlerFailed(error, { ...info, connection: undefined, thread: index });
  }

  listenFailed(error: Error): void {
    this.#owner.listenFailed(error);
  }

  threadDied(thread: Thread, error: Error): void {
    const { index, livedMs } = thread;
    if (this.#serving[index] === thread) {
      this.#serving[index] = undefined;
    }
    this.#counts[index] = 0;
    if (!this.#closing) {
      this.#replace(index, livedMs);
    }
    this.#owner.threadDied(error);
  }

  #replace(index: number, livedMs: number): void {
    const delayMs = (this.#backOffs[index] as BackOff).next(livedMs);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#startOne(index).then(
        () => this.#replaced(),
        (error: Error) => this.#replaceFailed(index, error),
      );
    }, delayMs);
    this.#timers.add(timer);
    if (!this.#referenced) {
      timer.unref();
    }
  }

  #replaced(): void {
    this.threadsReplaced++;
    this.#owner.threadReplaced();
  }

  #replaceFailed(index: number, error: Error): void {
    if (!this.#closing) {
      this.#replace(index, 0);
      this.#owner.threadDied(error);
    }
  }

  /** The open connections of each thread, with those on their way to it. */
  get connectionCounts(): readonly number[] {
    return [...this.#counts];
  }

  /** The thread with the fewest connections, counted with one more; undefined while none serves. */
  chooseThread(): Thread | undefined {
    const threads = this.#serving;
    let chosen: Thread | undefined;
    let least = Infinity;
    for (let step = 0; step < threads.length; step++) {
      const thread = threads[(this.#next + step) % threads.length];
      if (thread !== undefined) {
        const count = Atomics.load(this.#counts, thread.index);
        if (count < least) {
          least = count;
          chosen = thread;
        }
      }
    }
    if (chosen !== undefined) {
      Atomics.add(this.#counts, chosen.index, 1);
      this.#next = (chosen.index + 1) % threads.length;
    }
    return chosen;
  }

  /** Includes threads that start: they may have connections before this thread hears that they serve. */
  #living(): readonly Thread[] {
    return [...this.#starting, ...this.#serving.filter((thread) => thread !== undefined)];
  }

  /** Sends bytes or text to the connections of all threads. @throws TypeError `ERR_INVALID_ARG_TYPE` */
  publish(topic: string | undefined, pieces: readonly Payload[]): void {
    this.#relay.publish(topic, pieces);
  }

  published(message: Published, from: Thread): void {
    this.#relay.received(message, from);
  }

  /** Gives all threads a certificate, and those that replace them: the server's own, or that of a name. */
  giveContext(given: GivenContext): void {
    this.#contexts.set(given.hostname, given);
    // A thread that is starting reads it when it serves.
    for (const thread of this.#living()) {
      thread.giveContext(given);
    }
  }

  /** Whether the server has TLS. */
  get secure(): boolean {
    return (this.#options.tls ?? undefined) !== undefined;
  }

  /** The statistics of each thread; undefined for dead ones. */
  statistics(): Promise<readonly (ServerStatistics | undefined)[]> {
    return Promise.all(this.#serving.map((thread) => thread?.statistics()));
  }

  /** Closes all threads. Resolves when they have ended. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing = true;
    this.#timers.forEach(clearTimeout);
    this.#timers.clear();
    // Earlier publications are sent before the connections close.
    this.#relay.flush();
    await Promise.all(this.#living().map((thread) => thread.close(deadlineMs)));
    // Terminated threads have not counted the ends of their connections.
    this.#counts.fill(0);
  }

  /** Terminates a thread abruptly, for tests. */
  terminate(index: number): void {
    this.#serving[index]?.terminate();
  }

  ref(): void {
    this.#referenced = true;
    this.#starting.forEach((thread) => thread.ref());
    this.#serving.forEach((thread) => thread?.ref());
    this.#timers.forEach((timer) => timer.ref());
  }

  unref(): void {
    this.#referenced = false;
    this.#starting.forEach((thread) => thread.unref());
    this.#serving.forEach((thread) => thread?.unref());
    this.#timers.forEach((timer) => timer.unref());
  }
}
