/**
 * A network in memory, for tests: ports on it reach each other and nobody else. One seed decides everything that is
 * left to chance, so that with the virtual clock a run repeats event for event. docs/sim.md says how to use it.
 */

import type { SocketAddress } from '../../base/address.js';
import { type Clock, systemClock } from '../../base/clock.js';
import { OperationError } from '../../base/errors.js';
import type { Driver, DriverOptions, DriverSource } from '../driver.js';
import { linuxErrors } from '../linux/errors.js';
import { SimDriver } from './driver.js';
import { SimEndpoint, SimListener } from './endpoint.js';
import { checkFaults, type SimFaults } from './faults.js';
import { canonical } from './kernel/addresses.js';
import { Kernel } from './kernel/kernel.js';
import { SimSocket } from './kernel/socket.js';
import { Loop } from './loop.js';
import { RealTime, VirtualTime } from './time.js';

/** Options of a simulated network. */
export interface SimNetworkOptions {
  /** Any whole number; 1 unless told. */
  readonly seed?: number;
  /**
   * `virtual` (default): time stands still while anything is to be done, and else jumps to the next moment. `real`: time
   * is the system's.
   */
  readonly clock?: 'virtual' | 'real';
  /** Whether a virtual clock is moved from Node's event loop; if not, only by `advance` and by waits. On unless told. */
  readonly moves?: boolean;
  /** Whether a receive completes again and again, as on io_uring, or once, as on epoll. Off unless told. */
  readonly multishot?: boolean;
  /** What goes wrong: nothing unless told. */
  readonly faults?: Partial<SimFaults>;
}

const LISTEN_BACKLOG = 128;

export class SimNetwork implements DriverSource {
  /** The time of its ports: it can have timers of one's own. */
  readonly clock: Clock;
  /** Whether one receive completes again and again, as on io_uring. */
  readonly multishot: boolean;
  readonly #kernel: Kernel;
  readonly #loop: Loop;

  /**
   * @throws RangeError `ERR_OUT_OF_RANGE`
   * @example
   * const network = new SimNetwork({ seed: 7, faults: { shortSends: 0.5 } });
   * const port = CompletionPort.create({ driver: network });
   */
  constructor(options: SimNetworkOptions = {}) {
    const real = options.clock === 'real';
    this.#kernel = new Kernel(real ? new RealTime() : new VirtualTime(), options.seed ?? 1);
    this.#loop = new Loop(this.#kernel, !real && (options.moves ?? true));
    this.clock = real ? systemClock : this.#loop.clock;
    this.multishot = options.multishot ?? false;
    this.faults = options.faults ?? {};
  }

  /** For `CompletionPort.create({ driver })`. */
  open(options: DriverOptions): Driver {
    const { clock, multishot } = this;
    return new SimDriver({ kernel: this.#kernel, loop: this.#loop, clock, multishot }, options);
  }

  /** What goes wrong from now on. Those that are set anew replace all of before. */
  get faults(): SimFaults {
    return this.#kernel.faults;
  }

  /** Replaces all faults; those that are not given stop. */
  set faults(faults: Partial<SimFaults>) {
    this.#kernel.faults = checkFaults(faults);
  }

  /** ms; a virtual clock begins with 0. */
  now(): number {
    return this.#kernel.time.now();
  }

  /**
   * Lets something happen, without the event loop: gives one turn to somebody who has something to do now, or else moves
   * the virtual clock to the next moment at which something happens.
   * @param untilMs the clock does not go beyond it
   * @returns false when nothing is left to happen until then; the clock is there, unless that is Infinity
   */
  advance(untilMs = Infinity): boolean {
    if (this.#kernel.time.real) {
      throw new OperationError({
        code: 'ENOTSUP',
        reason: 'Only a virtual clock can be advanced',
        syscall: 'advance',
      });
    }
    if (this.#loop.step()) {
      return true;
    }
    const { nextAt } = this.#loop;
    if (nextAt <= untilMs) {
      return this.#loop.moveTo(nextAt);
    }
    if (untilMs !== Infinity && untilMs > this.now()) {
      this.#loop.moveTo(untilMs);
    }
    return false;
  }

  /** How many events there were so far, and a hash of them: equal for two runs that did the same. */
  get trace(): string {
    return this.#kernel.trace.value;
  }

  /** Sockets of ports that are open. */
  get socketsOpen(): number {
    return this.#kernel.socketsOpen;
  }

  /** Whether a Unix path is there: as with files, it stays when its socket is closed, until it is removed. */
  hasPath(path: string): boolean {
    return this.#kernel.book.hasPath(path);
  }

  /** Connects an endpoint: what a test has at the other end, without a port. Its `state` says what comes of it. */
  connect(address: SocketAddress): SimEndpoint {
    const wanted = canonical(address);
    const socket = new SimSocket(wanted.family, true);
    const endpoint = new SimEndpoint(this.#kernel, this.#loop, socket);
    this.#kernel.connects.start(socket, wanted);
    this.#kernel.settle();
    return endpoint;
  }

  /** Listens for endpoints. @throws OperationError `EADDRINUSE`, `EADDRNOTAVAIL` */
  listen(address: SocketAddress, backlog: number = LISTEN_BACKLOG): SimListener {
    const wanted = canonical(address);
    const socket = new SimSocket(wanted.family, true);
    const failed = this.#kernel.book.bind(socket, wanted);
    if (failed !== 0) {
      throw linuxErrors.create(failed, 'bind', wanted);
    }
    this.#kernel.connects.listen(socket, backlog);
    return new SimListener(this.#kernel, this.#loop, socket);
  }
}
