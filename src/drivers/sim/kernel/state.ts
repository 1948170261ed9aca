/**
 * The state that the parts of a simulated kernel share: its time and chance, the events to come, the open sockets by
 * number, and the sockets whose operations are to be tried.
 */

import { EventQueue } from '../event-queue.js';
import { NO_FAULTS, type SimFaults } from '../faults.js';
import { Random } from '../random.js';
import type { TimeSource } from '../time.js';
import { TRACE, Trace } from '../trace.js';
import { AddressBook } from './address-book.js';
import type { SimSocket } from './socket.js';

/** The first number of a socket: a process starts with 0 to 2 in use. */
const NUMBER_FIRST = 3;

export class KernelState {
  readonly time: TimeSource;
  readonly random: Random;
  readonly events = new EventQueue();
  readonly trace = new Trace();
  readonly book = new AddressBook();
  faults: SimFaults = NO_FAULTS;
  /** Open sockets of all ports. */
  socketsOpen = 0;
  readonly #sockets: (SimSocket | undefined)[] = new Array<undefined>(NUMBER_FIRST).fill(undefined);
  readonly #freeNumbers: number[] = [];
  #reads: SimSocket[] = [];
  #writes: SimSocket[] = [];

  constructor(time: TimeSource, seed: number) {
    this.time = time;
    this.random = new Random(seed);
  }

  /** Whether one more socket may be open. */
  get hasRoom(): boolean {
    return this.socketsOpen < this.faults.socketsMax;
  }

  /** Gives a socket of a port the number that was freed last: code that confuses two sockets fails soonest. */
  giveNumber(socket: SimSocket): void {
    this.socketsOpen++;
    socket.number = this.#freeNumbers.pop() ?? this.#sockets.length;
    this.#sockets[socket.number] = socket;
    this.trace.add(TRACE.created, socket.number, 0, 0);
  }

  /** Frees the number of a closed socket. Does nothing for a socket that has none. */
  protected freeNumber({ number }: SimSocket): void {
    if (number >= 0) {
      this.socketsOpen--;
      this.#sockets[number] = undefined;
      this.#freeNumbers.push(number);
    }
  }

  /** The open socket with a number, if there is one. */
  socketOf(number: number): SimSocket | undefined {
    return this.#sockets[number];
  }

  /** Calls `run` after a delay; immediately if the delay is 0. */
  later(delayMs: number, run: () => void): void {
    if (delayMs > 0) {
      this.events.add(this.time.now() + delayMs, run);
    } else {
      run();
    }
  }

  /** The operation on the socket's reading side is to be tried. */
  readable(socket: SimSocket): void {
    this.#reads.push(socket);
  }

  /** The operation on the socket's writing side is to be tried. */
  writable(socket: SimSocket): void {
    this.#writes.push(socket);
  }

  /** Takes the sockets to be tried; undefined if there are none. */
  protected takeReady(): { readonly reads: readonly SimSocket[]; readonly writes: readonly SimSocket[] } | undefined {
    if (this.#reads.length === 0 && this.#writes.length === 0) {
      return undefined;
    }
    const ready = { reads: this.#reads, writes: this.#writes };
    this.#reads = [];
    this.#writes = [];
    return ready;
  }

  /** Whether the time of an event has come. */
  get isDue(): boolean {
    const { nextAt } = this.events;
    return nextAt !== Infinity && nextAt <= this.time.now();
  }

  /** Time passes until `at`. */
  passTo(at: number): void {
    this.time.passTo(at);
    if (!this.time.real) {
      this.trace.add(TRACE.advanced, Math.floor(at * 1000), 0, 0);
    }
  }
}
