/**
 * Completions over readiness: the driver that epoll and select share. An operation waits on its socket's reading or
 * writing side until a poller reports the socket as ready. Then the system call is made, and its result is the
 * completion. The driver remembers what the last call revealed about readiness, and does not ask again.
 */

import type { SocketAddress, SocketFamily } from '../../base/address.js';
import { assert } from '../../base/assert.js';
import { systemClock } from '../../base/clock.js';
import type { ErrorTable } from '../../base/errors.js';
import { Int32Queue } from '../../base/int-queue.js';
import { FreeBuffers } from '../common/free-buffers.js';
import { MsghdrPool } from '../common/msghdr-blocks.js';
import { PollFairness } from '../common/poll-fairness.js';
import type { BufferList, CompletionSink, Driver, DriverName, DriverOptions, LoopWatch, OnReady } from '../driver.js';
import { NonBlockingIo } from './non-blocking-io.js';
import type { NonBlockingCalls, Poller, ReadinessSink } from './poller.js';
import { Results } from './results.js';
import {
  ACCEPT,
  BORROWED,
  CONNECT,
  HANGUP,
  IDLE,
  READ_CANCELLED,
  READ_QUEUED,
  READABLE,
  READS_SHORT,
  RECEIVE,
  SEND,
  SEND_GATHER,
  SocketTable,
  WATCHED,
  WRITABLE,
  WRITE_CANCELLED,
  WRITE_QUEUED,
} from './socket-table.js';

/**
 * Maximum completions of one poll. System calls in a row cost less than calls that alternate with the port's handling.
 */
const COMPLETIONS_MAX = 256;

export interface ReadinessParts {
  readonly name: DriverName;
  readonly features: readonly string[];
  readonly sockets: NonBlockingCalls;
  readonly errors: ErrorTable;
  readonly poller: Poller;
}

export class ReadinessDriver implements Driver, ReadinessSink {
  readonly name: DriverName;
  readonly features: readonly string[];
  readonly sockets: NonBlockingCalls;
  readonly errors: ErrorTable;
  readonly clock = systemClock;
  readonly seesArrivals = false;
  readonly readsBetweenCalls = false;
  readonly #poller: Poller;
  readonly #messages: MsghdrPool;
  readonly #table = new SocketTable();
  readonly #buffers: FreeBuffers;
  readonly #results = new Results(COMPLETIONS_MAX);
  readonly #io: NonBlockingIo;
  /** Sockets whose read is to be tried, and sockets whose write is. */
  readonly #reads = new Int32Queue();
  readonly #writes = new Int32Queue();
  /** Writes filled the last poll before all reads had been tried. */
  #readsLeft = false;
  #sink: CompletionSink | undefined;
  readonly #fairness = new PollFairness();

  constructor(parts: ReadinessParts, options: DriverOptions) {
    this.name = parts.name;
    this.features = parts.features;
    this.sockets = parts.sockets;
    this.errors = parts.errors;
    this.#poller = parts.poller;
    this.#messages = new MsghdrPool(parts.sockets.messages);
    this.#buffers = new FreeBuffers(options.buffers);
    this.#io = new NonBlockingIo({
      ...parts,
      messages: this.#messages,
      table: this.#table,
      buffers: this.#buffers,
      results: this.#results,
      borrowed: options.borrowed,
      triesMax: COMPLETIONS_MAX,
    });
  }

  associate(socket: number, family: SocketFamily): void {
    const table = this.#table;
    table.reach(socket);
    assert(table.readKind[socket] === IDLE);
    assert(table.writeKind[socket] === IDLE);
    table.flags[socket] = WRITABLE | (family === 'unix' ? READS_SHORT : 0);
  }

  forget(socket: number): void {
    const table = this.#table;
    assert(table.readKind[socket] === IDLE);
    assert(table.writeKind[socket] === IDLE);
    if (((table.flags[socket] as number) & WATCHED) !== 0) {
      this.#poller.remove(socket);
    }
    // The socket may still be in a queue; it will have no operation there.
    table.flags[socket] = (table.flags[socket] as number) & (READ_QUEUED | WRITE_QUEUED);
    table.generation[socket] = (table.generation[socket] as number) + 1;
  }

  postAccept(slot: number, generation: number, socket: number): void {
    this.#postRead(slot, generation, socket, ACCEPT);
  }

  postReceive(slot: number, generation: number, socket: number, _once: boolean): void {
    this.#postRead(slot, generation, socket, RECEIVE);
  }

  #postRead(slot: number, generation: number, socket: number, kind: number): void {
    const table = this.#table;
    assert(table.readKind[socket] === IDLE);
    table.readKind[socket] = kind;
    table.readSlot[socket] = slot;
    table.readSlotGeneration[socket] = generation;
    const flags = table.flags[socket] as number;
    if ((flags & READABLE) !== 0 || (flags & WATCHED) === 0) {
      this.#queueRead(socket);
    } else {
      this.#poller.wantRead(socket, true);
    }
  }

  postConnect(slot: number, generation: number, socket: number, address: SocketAddress): void {
    // Encoded now, so that an error reaches the caller: until the system call is made the interface or the working
    // directory may change.
    this.#io.connectAddresses.set(socket, this.sockets.encodeAddress(address));
    this.#postWrite(slot, generation, socket, CONNECT, false);
  }

  postSend(
    slot: number,
    generation: number,
    socket: number,
    address: number,
    byteLength: number,
    borrowed: boolean,
  ): void {
    this.#table.setSend(slot, address, byteLength);
    this.#postWrite(slot, generation, socket, SEND, borrowed);
  }

  postSendGather(slot: number, generation: number, socket: number, pieces: BufferList): void {
    this.#messages.write(slot, pieces);
    this.#postWrite(slot, generation, socket, SEND_GATHER, pieces.borrowed);
  }

  #postWrite(slot: number, generation: number, socket: number, kind: number, borrowed: boolean): void {
    const table = this.#table;
    assert(table.writeKind[socket] === IDLE);
    table.writeKind[socket] = kind;
    table.writeSlot[socket] = slot;
    table.writeSlotGeneration[socket] = generation;
    const flags = table.flags[socket] as number;
    table.flags[socket] = borrowed ? flags | BORROWED : flags & ~BORROWED;
    if ((flags & WRITABLE) !== 0) {
      this.#queueWrite(socket);
    } else {
      this.#poller.wantWrite(socket, true);
    }
  }

  cancel(slot: number, generation: number, socket: number): void {
    const table = this.#table;
    if (table.readKind[socket] !== IDLE && table.readSlot[socket] === slot) {
      assert(table.readSlotGeneration[socket] === generation);
      table.flags[socket] = (table.flags[socket] as number) | READ_CANCELLED;
      this.#queueRead(socket);
    } else if (table.writeKind[socket] !== IDLE && table.writeSlot[socket] === slot) {
      assert(table.writeSlotGeneration[socket] === generation);
      table.flags[socket] = (table.flags[socket] as number) | WRITE_CANCELLED;
      this.#queueWrite(socket);
    }
  }

  #queueRead(socket: number): void {
    const flags = this.#table.flags;
    if (((flags[socket] as number) & READ_QUEUED) === 0) {
      flags[socket] = (flags[socket] as number) | READ_QUEUED;
      this.#reads.push(socket);
    }
  }

  #queueWrite(socket: number): void {
    const flags = this.#table.flags;
    if (((flags[socket] as number) & WRITE_QUEUED) === 0) {
      flags[socket] = (flags[socket] as number) | WRITE_QUEUED;
      this.#writes.push(socket);
    }
  }

  giveBuffer(index: number): void {
    this.#buffers.give(index);
  }

  get buffersFree(): number {
    return this.#buffers.count;
  }

  poll(sink: CompletionSink, completionsMax: number, timeoutMs: number): void {
    this.#sink = sink;
    const most = Math.min(completionsMax, COMPLETIONS_MAX);
    const completed = this.#tryReady(sink, most);
    const fairness = this.#fairness;
    if (completed > 0 && !fairness.mustAsk) {
      fairness.skip();
      return;
    }
    fairness.ask();
    const wait = completed > 0 || this.#queued() > 0 ? 0 : timeoutMs;
    fairness.reported(this.#poller.wait(this, wait));
    if (completed < most) {
      this.#tryReady(sink, most - completed);
    }
  }

  hasWork(): boolean {
    return this.#queued() > 0 || this.#fairness.isBusy || this.#poller.unasked;
  }

  ready(socket: number, generation: number, readable: boolean, writable: boolean, hangup: boolean): void {
    const table = this.#table;
    if (socket >= table.length || table.generation[socket] !== generation) {
      // The report is for an earlier socket with the same number.
      return;
    }
    let flags = table.flags[socket] as number;
    if (hangup) {
      flags |= HANGUP;
    }
    if (readable) {
      flags |= READABLE;
    }
    if (writable) {
      flags |= WRITABLE;
    }
    table.flags[socket] = flags;
    if (readable && table.readKind[socket] !== IDLE) {
      this.#queueRead(socket);
    }
    if (writable && table.writeKind[socket] !== IDLE) {
      this.#queueWrite(socket);
    }
  }

  wakeUp(count: number): void {
    this.#sink?.wakeUp(count);
  }

  #isReadable(socket: number): boolean {
    return ((this.#table.flags[socket] as number) & READABLE) !== 0;
  }

  /** Number of sockets in the queues. */
  #queued(): number {
    return this.#reads.length + this.#writes.length;
  }

  /**
   * Tries operations on ready sockets until `completionsMax` have completed; returns how many have. Writes go first:
   * they answer recent reads, and after hundreds of other reads their sockets would no longer be in the processor's
   * cache. If writes leave no room for some reads, those reads go first the next time.
   */
  #tryReady(sink: CompletionSink, completionsMax: number): number {
    const io = this.#io;
    const readsFirst = this.#readsLeft;
    // Bounded by the queues' lengths now: a try may queue its socket again.
    let writes = this.#writes.length;
    let reads = this.#reads.length;
    do {
      if (readsFirst) {
        reads = this.#tryReads(reads, completionsMax);
      }
      writes = this.#tryWrites(writes, completionsMax);
      reads = this.#tryReads(reads, completionsMax);
      io.makeCalls();
      // Calls that would block have completed nothing, and leave room for others.
    } while (writes + reads > 0 && this.#results.count < completionsMax);
    this.#readsLeft = reads > 0 && !readsFirst;
    const completed = this.#results.count;
    this.#results.flush(sink);
    return completed;
  }

  /** Tries the first `count` writes while there is room for completions; returns how many of them are left. */
  #tryWrites(count: number, completionsMax: number): number {
    const io = this.#io;
    let left = count;
    for (; left > 0 && io.completionsMost < completionsMax; left--) {
      io.tryWrite(this.#writes.shift());
    }
    return left;
  }

  /** Tries the first `count` reads while there is room for completions; returns how many of them are left. */
  #tryReads(count: number, completionsMax: number): number {
    const io = this.#io;
    let left = count;
    for (; left > 0 && io.completionsMost < completionsMax; left--) {
      const socket = this.#reads.shift();
      io.tryRead(socket, completionsMax - io.completionsMost);
      if (this.#table.readKind[socket] === ACCEPT && this.#isReadable(socket)) {
        // More connections may wait than one poll accepts.
        this.#queueRead(socket);
      }
    }
    return left;
  }

  get wakeDescriptor(): number {
    return this.#poller.wakeDescriptor;
  }

  get interrupted(): boolean {
    return this.#poller.interrupted === true;
  }

  watch(onReady: OnReady): LoopWatch {
    return this.#poller.watch(onReady);
  }

  get retryAt(): number {
    return this.#poller.retryAt;
  }

  close(): void {
    this.#table.abandon();
    this.#poller.close();
  }
}
