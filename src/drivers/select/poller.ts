/** Readiness from select: sets of sockets, asked anew at each wait. */

import type { LoopWatch } from '../driver.js';
import type { ErrorTable } from '../error.js';
import { reaching } from '../grown.js';
import { InterruptibleWait } from '../interruptible-wait.js';
import { PolledCall } from '../polled-call.js';
import type { Poller, ReadinessSink } from '../readiness/poller.js';
import { type WaitDone, WaitingThread } from '../waiting-thread.js';
import type { SelectCall, SelectSystem, SelectWake } from './system.js';

const SOCKETS_FIRST = 1024;

export class SelectPoller implements Poller {
  readonly #system: SelectSystem;
  readonly #wake: SelectWake;
  readonly #call: SelectCall;
  readonly #wait: PolledCall;
  #generations = new Int32Array(SOCKETS_FIRST);
  /** Who is told what the running wait has found. */
  #sink: ReadinessSink | undefined;
  /** Counts changes of what is asked for, so that a waiting thread knows when it is out of date. */
  changes = 0;

  constructor(system: SelectSystem, errors: ErrorTable) {
    this.#system = system;
    this.#wait = new PolledCall('select', errors);
    this.#wake = system.openWake();
    this.#call = system.createCall();
    system.add(this.#wake.socket);
    system.wantRead(this.#wake.socket, true);
  }

  add(socket: number, generation: number): number {
    this.#generations = reaching(this.#generations, socket);
    this.#generations[socket] = generation;
    this.#system.add(socket);
    return 0;
  }

  remove(socket: number): void {
    this.wantRead(socket, false);
    this.wantWrite(socket, false);
  }

  wantRead(socket: number, wanted: boolean): void {
    this.#system.wantRead(socket, wanted);
    this.changes++;
  }

  wantWrite(socket: number, wanted: boolean): void {
    this.#system.wantWrite(socket, wanted);
    this.changes++;
  }

  wait(sink: ReadinessSink, timeoutMs: number): number {
    let count = this.#call.select(this.#wait.begin(timeoutMs));
    if (count < 0) {
      const number = -count;
      count = this.#call.findClosed(number);
      if (count === 0) {
        return this.#wait.failed(number);
      }
    }
    if (count > 0) {
      this.#sink = sink;
      this.#call.forEachReady(this.#found);
    }
    return count;
  }

  readonly #found = (socket: number, readable: boolean, writable: boolean): void => {
    if (socket === this.#wake.socket) {
      this.#sink?.wakeUp(this.#wake.take());
      return;
    }
    // The driver remembers that it is ready; asking again would only bring the same answer.
    if (readable) {
      this.wantRead(socket, false);
    }
    if (writable) {
      this.wantWrite(socket, false);
    }
    this.#sink?.ready(socket, this.#generations[socket] as number, readable, writable, false);
  };

  get retryAt(): number {
    return this.#wait.retryAt;
  }

  get wakeDescriptor(): number {
    return this.#wake.descriptor;
  }

  watch(onReady: () => void): LoopWatch {
    return new WaitingThread(
      'a waiting thread, because select has no descriptor to watch',
      new SelectWait(this, this.#system),
      onReady,
    );
  }

  close(): void {
    this.#wake.close();
  }
}

/** select on a thread of libuv's pool, with sets of its own. */
class SelectWait extends InterruptibleWait<SelectWake> {
  readonly #poller: SelectPoller;
  readonly #call: SelectCall;
  #changesSeen = 0;

  constructor(poller: SelectPoller, system: SelectSystem) {
    super(system.openWake());
    this.#poller = poller;
    this.#call = system.createCall();
  }

  override start(timeoutMs: number, done: WaitDone): void {
    this.#changesSeen = this.#poller.changes;
    this.#call.selectAsync(timeoutMs, this.wake, done);
  }

  override stale(): boolean {
    return this.#changesSeen !== this.#poller.changes;
  }
}
