/** Readiness from select: each wait passes the sets of wanted sockets to the system again. */

import type { ErrorTable } from '../../base/errors.js';
import { ensureCapacity } from '../../base/typed-arrays.js';
import { PolledCall } from '../common/polled-call.js';
import type { Wake } from '../common/wakeable-wait.js';
import type { LoopWatch } from '../driver.js';
import type { Poller, ReadinessSink } from '../readiness/poller.js';
import type { SelectCall, SelectSystem } from './system.js';

const SOCKETS_FIRST = 1024;

export class SelectPoller implements Poller {
  readonly #reportsOnce: boolean;
  #wantedSinceWait = false;
  readonly #system: SelectSystem;
  readonly #wake: Wake;
  readonly #call: SelectCall;
  readonly #wait: PolledCall;
  #generations = new Int32Array(SOCKETS_FIRST);
  /** Receives the reports of the running wait. */
  #sink: ReadinessSink | undefined;

  constructor(system: SelectSystem, errors: ErrorTable) {
    this.#system = system;
    this.#reportsOnce = system.reportsOnce;
    this.#wait = new PolledCall('select', errors);
    this.#wake = system.openWake();
    this.#call = system.createCall();
    system.add(this.#wake.readable);
    system.wantRead(this.#wake.readable, true);
  }

  add(socket: number, generation: number): number {
    this.#generations = ensureCapacity(this.#generations, socket);
    this.#generations[socket] = generation;
    return this.#system.add(socket);
  }

  remove(socket: number): void {
    this.wantRead(socket, false);
    this.wantWrite(socket, false);
    this.#system.remove(socket);
  }

  wantRead(socket: number, wanted: boolean): void {
    this.#wantedSinceWait ||= wanted;
    this.#system.wantRead(socket, wanted);
  }

  wantWrite(socket: number, wanted: boolean): void {
    this.#wantedSinceWait ||= wanted;
    this.#system.wantWrite(socket, wanted);
  }

  get unasked(): boolean {
    return this.#wantedSinceWait && this.#reportsOnce;
  }

  wait(sink: ReadinessSink, timeoutMs: number): number {
    this.#wantedSinceWait = false;
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
    if (socket === this.#wake.readable) {
      this.#sink?.wakeUp(this.#wake.take());
      return;
    }
    // The driver remembers that the socket is ready; asking again would only give the same answer.
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
    return this.#system.watch(onReady);
  }

  close(): void {
    this.#wake.close();
  }
}
