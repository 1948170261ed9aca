/** One thread of a server, as the main thread sees it: its worker, from the start to the end or death. */

import { URL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { printable } from '../base/address.js';
import { TIMER_MS_MAX } from '../base/clock.js';
import { OperationError } from '../base/errors.js';
import { clearTimeout, performanceNow, setTimeout } from '../base/runtime.js';
import { reclaimThread } from '../drivers/choose.js';
import { guardThread } from '../drivers/common/guardian.js';
import { errorOf } from '../engine/handlers.js';
import type { GivenContext } from '../engine/secure/server-tls.js';
import type { ServerStatistics } from '../engine/statistics.js';
import { unpackError } from './errors.js';
import { Backlog, Outbox, type Published, publishedBytesMax } from './outbox.js';
import type { FromThread, PostedInfo, ThreadData, ThreadReady, ToThread } from './protocol.js';
import { WorkerEnd } from './worker-end.js';
import { startWorker, workerError } from './worker-file.js';

/** How long a thread may take to end after its deadline, in ms: a handler that never returns must not keep it for ever. */
const END_TIMEOUT_MS = 2000;

/** Hears of what happens in a thread. */
export interface ThreadOwner {
  handlerFailed(error: Error, info: PostedInfo, thread: Thread): void;
  listenFailed(error: Error): void;
  /** It has ended and nobody asked it to. Its sockets are closed. */
  threadDied(thread: Thread, error: Error): void;
  /** It has published something, and has sent that to its own connections. */
  published(message: Published, thread: Thread): void;
}

export interface ThreadStart {
  readonly data: Omit<ThreadData, 'backlogs'>;
  readonly workerOptions: Pick<WorkerOptions, 'env' | 'execArgv' | 'resourceLimits'>;
}

export class Thread {
  readonly index: number;
  /** Never used again in the process. */
  readonly id: number;
  /** Rejects when the thread cannot start; by then it has ended. */
  readonly ready: Promise<ThreadReady>;
  /** Resolves when it has ended and its sockets are closed. */
  readonly ended: Promise<void>;
  /** Publications of others, on their way to it. */
  readonly outbox: Outbox;
  readonly #worker: Worker;
  readonly #end: WorkerEnd;
  readonly #owner: ThreadOwner;
  /** Counts what it has published and the main thread has not read. */
  readonly #backlog = new Backlog();
  readonly #requests = new Map<number, (statistics: ServerStatistics | undefined) => void>();
  #requestsCount = 0;
  #readyAt = Infinity;
  #closing = false;
  #isOver = false;
  #error: Error | undefined;
  /** The statistics of its end. */
  #last: ServerStatistics | undefined;
  #endTimer: NodeJS.Timeout | undefined;
  #becameReady: (ready: ThreadReady) => void = () => undefined;
  #failed: (error: Error) => void = () => undefined;
  #hasEnded: () => void = () => undefined;

  constructor({ data, workerOptions }: ThreadStart, owner: ThreadOwner) {
    this.index = data.thread;
    this.#owner = owner;
    this.ready = new Promise((resolve, reject) => {
      this.#becameReady = resolve;
      this.#failed = reject;
    });
    this.ended = new Promise((resolve) => {
      this.#hasEnded = resolve;
    });
    const backlog = new Backlog();
    const bytesMax = publishedBytesMax(data.engineOptions);
    this.outbox = new Outbox(backlog, bytesMax, (message) => this.#post(message));
    const backlogs = { in: backlog.memory, out: this.#backlog.memory };
    const options: WorkerOptions = {
      name: `overlapped ${data.thread}`,
      workerData: { ...data, backlogs } satisfies ThreadData,
      ...workerOptions,
    };
    this.#worker = startWorker(() => new Worker(new URL('./overlapped-worker.js', import.meta.url), options));
    this.#end = new WorkerEnd(this.#worker);
    this.id = this.#worker.threadId;
    guardThread(this.id);
    this.#worker.on('message', (message: FromThread) => this.#handleMessage(message));
    this.#worker.on('error', (error: unknown) => {
      this.#error ??= workerError(errorOf(error));
    });
    this.#worker.on('exit', (exitCode) => this.#exited(exitCode));
  }

  #handleMessage(message: FromThread): void {
    switch (message.kind) {
      case 'loaded':
        this.#end.loaded();
        return;
      case 'ready': {
        this.#readyAt = performanceNow();
        this.#becameReady({ ...message, address: printable(message.address) });
        return;
      }
      case 'failed':
        this.#error = unpackError(message.error);
        return;
      case 'statistics':
        this.#answer(message.request, message.statistics);
        return;
      case 'handlerError':
        this.#owner.handlerFailed(unpackError(message.error), unpackInfo(message.info), this);
        return;
      case 'listenError':
        this.#owner.listenFailed(unpackError(message.error));
        return;
      case 'publish':
        this.#backlog.take(message.batches);
        this.#owner.published(message, this);
        return;
      case 'missed':
        this.#owner.published(message, this);
        return;
      case 'closed':
        this.#last = message.statistics;
    }
  }

  #answer(request: number, statistics: ServerStatistics | undefined): void {
    const resolve = this.#requests.get(request);
    this.#requests.delete(request);
    resolve?.(statistics);
  }

  #exited(exitCode: number): void {
    this.#isOver = true;
    clearTimeout(this.#endTimer);
    reclaimThread(this.id);
    for (const request of [...this.#requests.keys()]) {
      this.#answer(request, this.#last);
    }
    this.#hasEnded();
    const error = this.#error ?? exitError(this.index, exitCode);
    if (this.#readyAt === Infinity) {
      this.#failed(error);
    } else if (!this.#closing) {
      this.#owner.threadDied(this, error);
    }
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  /** How long it has been ready, in ms; 0 if it never was. */
  get livedMs(): number {
    return Math.max(0, performanceNow() - this.#readyAt);
  }

  /** Gives it sockets, as handles of the system. */
  take(handles: readonly number[]): void {
    this.#post({ kind: 'take', handles });
  }

  /** Gives it a certificate: the server's own, or that of a name. */
  giveContext(given: GivenContext): void {
    this.#post({ kind: 'secureContext', ...given });
  }

  /** Its statistics. A closed thread has those of its end; undefined for one that died or was terminated. */
  statistics(): Promise<ServerStatistics | undefined> {
    if (this.#last !== undefined || this.#isOver) {
      return Promise.resolve(this.#last);
    }
    return new Promise((resolve) => {
      const request = this.#requestsCount++;
      this.#requests.set(request, resolve);
      this.#post({ kind: 'statistics', request });
    });
  }

  /** Asks it to close its connections, by a deadline, and to end. Resolves when it has ended. */
  close(deadlineMs: number): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#endTimer);
    // A thread that is starting reads this when it is ready. Ending it earlier would leak the files that its worker loads.
    this.#post({ kind: 'close', deadlineMs });
    if (deadlineMs !== Infinity) {
      const delayMs = Math.min(TIMER_MS_MAX, deadlineMs + END_TIMEOUT_MS);
      this.#endTimer = setTimeout(() => this.terminate(), delayMs).unref();
    }
    return this.ended;
  }

  /** Ends it whatever it does, once it has loaded. Its connections are lost. */
  terminate(): void {
    this.#end.terminate();
  }

  ref(): void {
    this.#worker.ref();
  }

  unref(): void {
    this.#worker.unref();
  }
}

function exitError(index: number, exitCode: number): OperationError {
  return new OperationError({
    code: 'ERR_THREAD_EXITED',
    reason: `Thread ${index} ended by itself, with the exit code ${exitCode}`,
    syscall: 'thread',
  });
}

/** An address that was posted has lost its `toString`. */
function unpackInfo({ handler, remoteAddress }: PostedInfo): PostedInfo {
  return { handler, remoteAddress: remoteAddress === undefined ? undefined : printable(remoteAddress) };
}
