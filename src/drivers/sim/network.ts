/**
 * A network in memory, for tests: its ports can connect only to each other. One seed decides all random choices, so
 * that with the virtual clock a run repeats event for event. See docs/sim.md.
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
  /** Any integer. @default 1 */
  readonly seed?: number;
  /**
   * `virtual`: time stands still while there is something to do, and then jumps to the next event. `real`: time is the
   * system's.
   * @default 'virtual'
   */
  readonly clock?: 'virtual' | 'real';
  /** Whether Node's event loop advances a virtual clock; otherwise only `advance` and waits do. @default true */
  readonly moves?: boolean;
  /** Whether a receive completes repeatedly, as on io_uring, or once, as on epoll. @default false */
  readonly multishot?: boolean;
  /** The faults; none by default. */
  readonly faults?: Partial<SimFaults>;
}

const LISTEN_BACKLOG = 128;

export class SimNetwork implements DriverSource {
  /** The clock of its ports, which a test can use for its own timers. */
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

  /** The faults from now on. Setting them replaces all previous ones. */
  get faults(): SimFaults {
    return this.#kernel.faults;
  }

  /** Replaces all faults; those that are not given stop. */
  set faults(faults: Partial<SimFaults>) {
    this.#kernel.faults = checkFaults(faults);
  }

  /** The time in ms; a virtual clock begins at 0. */
  now(): number {
    return this.#kernel.time.now();
  }

  /**
   * Runs one step without the event loop: gives a turn to a task, timer or port that has something to do, or else
   * advances the virtual clock to the next event.
   * @param untilMs the clock does not advance beyond it
   * @returns false if nothing is left to do until then; the clock is then at `untilMs`, unless that is Infinity
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

  /** The number of events so far and their hash, which are equal for two runs with the same events. */
  get trace(): string {
    return this.#kernel.trace.value;
  }

  /** Number of open sockets of all ports. */
  get socketsOpen(): number {
    return this.#kernel.socketsOpen;
  }

  /** Whether a Unix path exists: like a file, it stays after its socket is closed, until it is removed. */
  hasPath(path: string): boolean {
    return this.#kernel.book.hasPath(path);
  }

  /** Connects an endpoint, which is a test's end of a connection without a port. Its `state` has the result. */
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
