/** The driver `sim`: connects a port to a simulated network. */

import type { SocketAddress } from '../../base/address.js';
import { assert } from '../../base/assert.js';
import type { Clock } from '../../base/clock.js';
import { OperationError } from '../../base/errors.js';
import { viewOf } from '../../ffi/library.js';
import { FreeBuffers } from '../common/free-buffers.js';
import type {
  BorrowedMemory,
  BufferList,
  CompletionSink,
  Driver,
  DriverOptions,
  LoopWatch,
  ReceiveBuffers,
} from '../driver.js';
import { linuxErrors } from '../linux/errors.js';
import { CompletionList } from './completion-list.js';
import { canonical } from './kernel/addresses.js';
import { ECANCELED } from './kernel/errno.js';
import type { Kernel } from './kernel/kernel.js';
import { Operation, type OperationKind, type OperationOwner } from './kernel/operation.js';
import type { SimSocket } from './kernel/socket.js';
import { SimSockets } from './kernel/sockets.js';
import type { Loop } from './loop.js';
import { Posts } from './posts.js';
import { TRACE } from './trace.js';
import { addWaker, removeWaker } from './wake.js';

/** A feature name for `disabledFeatures`: one receive completes repeatedly. */
export const MULTISHOT_FEATURE = 'multishot';

export interface SimDriverParts {
  readonly kernel: Kernel;
  readonly loop: Loop;
  readonly clock: Clock;
  readonly multishot: boolean;
}

export class SimDriver implements Driver, OperationOwner {
  readonly name = 'sim';
  readonly features: readonly string[];
  readonly sockets: SimSockets;
  readonly errors = linuxErrors;
  readonly clock: Clock;
  readonly seesArrivals = false;
  readonly readsBetweenCalls = false;
  readonly multishot: boolean;
  readonly wakeDescriptor: number;
  readonly #kernel: Kernel;
  readonly #loop: Loop;
  readonly #pool: ReceiveBuffers;
  readonly #borrowed: BorrowedMemory;
  readonly #buffers: FreeBuffers;
  readonly #list = new CompletionList();
  readonly #posts: Posts;
  #wakeUps = 0;

  constructor(parts: SimDriverParts, options: DriverOptions) {
    this.#kernel = parts.kernel;
    this.#loop = parts.loop;
    this.clock = parts.clock;
    this.multishot = parts.multishot && !options.disabledFeatures.has(MULTISHOT_FEATURE);
    this.features = this.multishot ? [MULTISHOT_FEATURE] : [];
    this.sockets = new SimSockets(parts.kernel);
    this.#posts = new Posts(parts.kernel);
    this.#pool = options.buffers;
    this.#borrowed = options.borrowed;
    this.#buffers = new FreeBuffers(options.buffers);
    this.wakeDescriptor = addWaker(() => {
      this.#wakeUps++;
      this.#kernel.onChange();
    });
  }

  #of(number: number): SimSocket {
    const socket = this.#kernel.socketOf(number);
    assert(socket !== undefined);
    return socket;
  }

  associate(socket: number): void {
    this.#of(socket).owner = this;
  }

  forget(socket: number): void {
    const forgotten = this.#of(socket);
    assert(forgotten.reading === undefined);
    assert(forgotten.writing === undefined);
    forgotten.owner = undefined;
  }

  postAccept(slot: number, generation: number, socket: number): void {
    this.#postRead('accept', slot, generation, socket, false);
  }

  postReceive(slot: number, generation: number, socket: number, once: boolean): void {
    this.#postRead('receive', slot, generation, socket, once);
  }

  #postRead(kind: OperationKind, slot: number, generation: number, number: number, once: boolean): void {
    const socket = this.#of(number);
    assert(socket.reading === undefined);
    const operation = new Operation(kind, slot, generation, once);
    socket.reading = operation;
    this.#posts.post(socket, operation, () => this.#kernel.readable(socket));
  }

  postConnect(slot: number, generation: number, number: number, address: SocketAddress): void {
    const wanted = canonical(address);
    const socket = this.#of(number);
    assert(socket.writing === undefined);
    const operation = new Operation('connect', slot, generation);
    socket.writing = operation;
    this.#posts.post(socket, operation, () => this.#kernel.connects.start(socket, wanted));
  }

  postSend(
    slot: number,
    generation: number,
    socket: number,
    address: number,
    byteLength: number,
    borrowed: boolean,
  ): void {
    const operation = this.#startSend(slot, generation, socket);
    operation.borrowed = borrowed;
    operation.addresses.push(address);
    operation.lengths.push(byteLength);
  }

  postSendGather(slot: number, generation: number, socket: number, pieces: BufferList): void {
    const operation = this.#startSend(slot, generation, socket);
    operation.borrowed = pieces.borrowed;
    for (let index = 0; index < pieces.count; index++) {
      operation.addresses.push(pieces.addresses[index] as number);
      operation.lengths.push(pieces.lengths[index] as number);
    }
  }

  #startSend(slot: number, generation: number, number: number): Operation {
    const socket = this.#of(number);
    assert(socket.writing === undefined);
    const operation = new Operation('send', slot, generation);
    socket.writing = operation;
    this.#posts.post(socket, operation, () => this.#kernel.writable(socket));
    return operation;
  }

  cancel(slot: number, generation: number, number: number): void {
    this.#posts.cancel(this.#of(number), slot, generation, (operation) =>
      this.completed(operation, -ECANCELED, false, -1),
    );
  }

  completed(operation: Operation, result: number, more: boolean, buffer: number): void {
    const { slot, generation } = operation;
    const { time, random, faults, trace, events } = this.#kernel;
    trace.add(TRACE.completed, slot, generation, result);
    const entry = { slot, generation, result, more, buffer };
    const add = (): void => {
      if (random.chance(faults.reorderedCompletions)) {
        this.#list.addAnywhere(entry, random);
      } else {
        this.#list.add(entry);
      }
    };
    const delayMs = random.within(faults.completionDelayMs);
    if (delayMs === 0 && operation.inTransit === 0) {
      add();
      return;
    }
    operation.inTransit++;
    operation.visibleAt = Math.max(operation.visibleAt, time.now() + delayMs);
    events.add(operation.visibleAt, () => {
      operation.inTransit--;
      add();
    });
  }

  isWhole(operation: Operation): boolean {
    return !operation.borrowed || this.#borrowed.isWhole(operation.slot);
  }

  get buffers(): FreeBuffers {
    return this.#buffers;
  }

  bytesAt(address: number, byteLength: number): Uint8Array {
    const { memory, address: start } = this.#pool;
    const offset = address - start;
    if (offset >= 0 && offset < memory.byteLength) {
      return memory.slice(offset, offset + byteLength);
    }
    return new Uint8Array(viewOf(address, byteLength)).slice();
  }

  giveBuffer(index: number): void {
    this.#buffers.give(index);
  }

  get buffersFree(): number {
    return this.#buffers.count;
  }

  poll(sink: CompletionSink, completionsMax: number, timeoutMs: number): void {
    this.#posts.submit();
    this.#kernel.runDue();
    let taken = this.#flush(sink, completionsMax);
    if (taken > 0 || timeoutMs <= 0) {
      return;
    }
    const deadline = this.#kernel.time.now() + timeoutMs;
    while (taken === 0 && this.#kernel.time.now() < deadline) {
      this.#waitForEvent(deadline);
      taken = this.#flush(sink, completionsMax);
    }
  }

  #flush(sink: CompletionSink, completionsMax: number): number {
    const wakeUps = this.#wakeUps;
    if (wakeUps > 0) {
      this.#wakeUps = 0;
      sink.wakeUp(wakeUps);
    }
    return this.#list.flush(sink, completionsMax) + Math.sign(wakeUps);
  }

  /** Advances time to the next event. Only events bring completions, as the network has no other thread. */
  #waitForEvent(deadline: number): void {
    const { nextAt } = this.#kernel.events;
    if (nextAt === Infinity && deadline === Infinity) {
      throw new OperationError({
        code: 'EDEADLK',
        reason: 'The simulated network has no pending event, and the wait has no timeout',
        syscall: 'dequeue',
      });
    }
    this.#kernel.passTo(Math.min(nextAt, deadline));
    this.#kernel.runDue();
  }

  hasWork(): boolean {
    return this.#list.length > 0 || this.#posts.length > 0 || this.#wakeUps > 0 || this.#kernel.isDue;
  }

  watch(onReady: () => void): LoopWatch {
    return this.#loop.watch(this, onReady);
  }

  close(): void {
    removeWaker(this.wakeDescriptor);
  }
}
