/** The kernel of a simulated network: makes and closes sockets, runs events, and tries operations. */

import type { SocketFamily } from '../../../base/address.js';
import type { TimeSource } from '../time.js';
import { TRACE } from '../trace.js';
import { Connects } from './connects.js';
import { OperationRunner } from './operation-runner.js';
import { SimSocket } from './socket.js';
import { KernelState } from './state.js';
import { Transport } from './transport.js';

export class Kernel extends KernelState {
  readonly transport: Transport;
  readonly connects: Connects;
  /** Called when the event loop may have something to do. */
  onChange: () => void = () => undefined;
  readonly #operations: OperationRunner;
  #settling = false;

  constructor(time: TimeSource, seed: number) {
    super(time, seed);
    this.transport = new Transport(this);
    this.connects = new Connects(this, this.transport);
    this.#operations = new OperationRunner(this, this.transport, this.connects);
  }

  create(family: SocketFamily, dualStack: boolean): SimSocket {
    const socket = new SimSocket(family, dualStack);
    this.giveNumber(socket);
    return socket;
  }

  /** Closes a socket, and frees its number and its address. */
  close(socket: SimSocket): void {
    this.connects.stopListening(socket);
    this.connects.abort(socket);
    this.transport.close(socket);
    this.book.release(socket);
    this.freeNumber(socket);
    this.trace.add(TRACE.closed, socket.number, 0, 0);
  }

  /** Tries the operations that can be tried, until no other one follows from them. Calls no program's code. */
  settle(): void {
    if (this.#settling) {
      return;
    }
    this.#settling = true;
    for (let ready = this.takeReady(); ready !== undefined; ready = this.takeReady()) {
      for (const socket of ready.writes) {
        this.#operations.tryWrite(socket);
      }
      for (const socket of ready.reads) {
        this.#operations.tryRead(socket);
      }
    }
    this.#settling = false;
    this.onChange();
  }

  /** Sends bytes at once, as many as there is room for; returns how many, or an error number, negated. */
  sendNow(socket: SimSocket, address: number, byteLength: number): number {
    const taken = this.#operations.sendNow(socket, address, byteLength);
    this.settle();
    return taken;
  }

  /** Runs the events whose time has come. */
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
}
