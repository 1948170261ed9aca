/** What a simulated network consists of: its time, its sockets, and what is to happen. */

import type { SocketFamily } from '../../../base/address.js';
import { EventQueue } from '../event-queue.js';
import { NO_FAULTS, type SimFaults } from '../faults.js';
import { Random } from '../random.js';
import type { TimeSource } from '../time.js';
import { TRACE, Trace } from '../trace.js';
import { AddressBook } from './address-book.js';
import { Attempts } from './attempts.js';
import { Connects } from './connects.js';
import { SimSocket } from './socket.js';
import { Transport } from './transport.js';

/** The first number of a socket: 0 to 2 are a process's own. */
const NUMBER_FIRST = 3;

export class Kernel {
  readonly time: TimeSource;
  readonly random: Random;
  readonly events = new EventQueue();
  readonly trace = new Trace();
  readonly book = new AddressBook();
  readonly transport: Transport;
  readonly connects: Connects;
  faults: SimFaults = NO_FAULTS;
  /** Called when there may be something to do in the event loop. */
  onChange: () => void = () => undefined;
  /** Sockets of all ports that are open. */
  socketsOpen = 0;
  readonly #attempts: Attempts;
  readonly #sockets: (SimSocket | undefined)[] = new Array<undefined>(NUMBER_FIRST).fill(undefined);
  readonly #freeNumbers: number[] = [];
  /** Sockets whose reading, or writing, side is to be tried now. */
  #reads: SimSocket[] = [];
  #writes: SimSocket[] = [];
  #settling = false;

  constructor(time: TimeSource, seed: number) {
    this.time = time;
    this.random = new Random(seed);
    this.transport = new Transport(this);
    this.connects = new Connects(this);
    this.#attempts = new Attempts(this);
  }

  /** Whether one more socket may be open. */
  get hasRoom(): boolean {
    return this.socketsOpen < this.faults.socketsMax;
  }

  create(family: SocketFamily, dualStack: boolean): SimSocket {
    const socket = new SimSocket(family, dualStack);
    this.giveNumber(socket);
    return socket;
  }

  /** A socket of a port gets its number, the one that was freed last: what confuses two sockets shows soonest. */
  giveNumber(socket: SimSocket): void {
    this.socketsOpen++;
    socket.number = this.#freeNumbers.pop() ?? this.#sockets.length;
    this.#sockets[socket.number] = socket;
    this.trace.add(TRACE.created, socket.number, 0, 0);
  }

  /** Closes a socket; its number and its address are free. */
  close(socket: SimSocket): void {
    this.connects.stopListening(socket);
    this.connects.abort(socket);
    this.transport.close(socket);
    this.book.release(socket);
    if (socket.number >= 0) {
      this.socketsOpen--;
      this.#sockets[socket.number] = undefined;
      this.#freeNumbers.push(socket.number);
    }
    this.trace.add(TRACE.closed, socket.number, 0, 0);
  }

  /** The open socket with a number, if there is one. */
  socketOf(number: number): SimSocket | undefined {
    return this.#sockets[number];
  }

  /** Runs something after a delay; at once when there is none. */
  later(delayMs: number, run: () => void): void {
    if (delayMs > 0) {
      this.events.add(this.time.now() + delayMs, run);
    } else {
      run();
    }
  }

  /** The reading side of a socket is to be tried. */
  readable(socket: SimSocket): void {
    this.#reads.push(socket);
  }

  writable(socket: SimSocket): void {
    this.#writes.push(socket);
  }

  /** Tries what is to be tried, until nothing more follows from it. It calls nothing back. */
  settle(): void {
    if (this.#settling) {
      return;
    }
    this.#settling = true;
    while (this.#reads.length > 0 || this.#writes.length > 0) {
      const writes = this.#writes;
      const reads = this.#reads;
      this.#writes = [];
      this.#reads = [];
      for (const socket of writes) {
        this.#attempts.tryWrite(socket);
      }
      for (const socket of reads) {
        this.#attempts.tryRead(socket);
      }
    }
    this.#settling = false;
    this.onChange();
  }

  /** Whether an event's time has come. */
  get isDue(): boolean {
    const { nextAt } = this.events;
    return nextAt !== Infinity && nextAt <= this.time.now();
  }

  /** Lets happen what is due. */
  runDue(): void {
    if (this.events.nextAt === Infinity) {
      return;
    }
    const now = this.time.now();
    for (let event = this.events.take(now); event !== undefined; event = this.events.take(now)) {
      event.run();
      this.settle();
    }
  }

  /** Time passes until `at`. */
  passTo(at: number): void {
    this.time.passTo(at);
    if (!this.time.real) {
      this.trace.add(TRACE.advanced, Math.floor(at * 1000), 0, 0);
    }
  }
}
