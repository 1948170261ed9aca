/**
 * Completions over readiness: the driver that epoll and select share. An operation waits in its socket's reading or
 * writing place until a poller says that the socket is ready; then the call is made, and its result is the completion.
 * What the last call said about readiness is remembered, so that nothing is asked twice.
 */

import type { SocketAddress, SocketFamily } from '../../base/address.js';
import { assert } from '../../base/assert.js';
import { systemClock } from '../../base/clock.js';
import type { ErrorTable } from '../../base/errors.js';
import { Int32Queue } from '../../base/int-queue.js';
import { FreeBuffers } from '../common/free-buffers.js';
import { MsghdrPool } from '../common/msghdr-blocks.js';
import { PollFairness } from '../common/poll-fairness.js';
import type { BufferList, CompletionSink, Driver, DriverName, DriverOptions, LoopWatch } from '../driver.js';
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

/** Maximum completions of one poll. System calls in a row cost less than calls that alternate with the port's handling. */
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
  readonly #attempts: NonBlockingIo;
  /** Sockets whose reading place is to be tried, and those whose writing place is. */
  readonly #reads = new Int32Queue();
  readonly #writes = new Int32Queue();
  /** The last writes left no room for all reads. */
  #readsLeft = false;
  #sink: CompletionSink | undefined;
  readonly #fairness = new PollFairness();
  /** Reports that came for an earlier socket of the same number. */
  lateReports = 0;

  constructor(parts: ReadinessParts, options: DriverOptions) {
    this.name = parts.name;
    this.features = parts.features;
    this.sockets = parts.sockets;
    this.errors = parts.errors;
    this.#poller = parts.poller;
    this.#messages = new MsghdrPool(parts.sockets.messages);
    this.#buffers = new FreeBuffers(options.buffers);
    this.#attempts = new NonBlockingIo({
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
    assert(table.readKind[socket] === IDLE && table.writeKind[socket] === IDLE);
    table.flags[socket] = WRITABLE | (family === 'unix' ? READS_SHORT : 0);
  }

  forget(socket: number): void {
    const table = this.#table;
    assert(table.readKind[socket] === IDLE && table.writeKind[socket] === IDLE);
    if (((table.flags[socket] as number) & WATCHED) !== 0) {
      this.#poller.remove(socket);
    }
    // Entries of the queue that are still on their way find no operation.
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
    // Now, at the caller: by the time of the call the address, its interface or the working directory may have changed, and
    // nobody would be there to hear of an error.
    this.#attempts.connectAddresses.set(socket, this.sockets.encodeAddress(address));
    this.#postWrite(slot, generation, socket, CONNECT, 0, 0, false);
  }

  postSend(
    slot: number,
    generation: number,
    socket: number,
    address: number,
    byteLength: number,
    borrowed: boolean,
  ): void {
    this.#postWrite(slot, generation, socket, SEND, address, byteLength, borrowed);
  }

  postSendGather(slot: number, generation: number, socket: number, gather: BufferList): void {
    this.#messages.write(slot, gather);
    this.#postWrite(slot, generation, socket, SEND_GATHER, 0, 0, gather.borrowed);
  }

  #postWrite(
    slot: number,
    generation: number,
    socket: number,
    kind: number,
    address: number,
    byteLength: number,
    borrowed: boolean,
  ): void {
    const table = this.#table;
    assert(table.writeKind[socket] === IDLE);
    table.writeKind[socket] = kind;
    table.writeSlot[socket] = slot;
    table.writeSlotGeneration[socket] = generation;
    table.writeAddress[socket] = address;
    table.writeByteLength[socket] = byteLength;
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
    const wait = completed > 0 || this.#queued > 0 ? 0 : timeoutMs;
    fairness.reported(this.#poller.wait(this, wait));
    if (completed < most) {
      this.#tryReady(sink, most - completed);
    }
  }

  hasWork(): boolean {
    return this.#queued > 0 || this.#fairness.isBusy || this.#poller.unasked;
  }

  ready(socket: number, generation: number, readable: boolean, writable: boolean, hangup: boolean): void {
    const table = this.#table;
    if (socket >= table.length || table.generation[socket] !== generation) {
      this.lateReports++;
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

  /** Sockets in the queues. */
  get #queued(): number {
    return this.#reads.length + this.#writes.length;
  }

  /**
   * Tries what is ready until `completionsMax` have completed; returns how many have. Writes go first: they answer what
   * was read a moment ago, and behind hundreds of reads they would find their sockets gone from the cache. Reads that
   * they leave no room for go first the next time, as there may always be as many writes.
   */
  #tryReady(sink: CompletionSink, completionsMax: number): number {
    const attempts = this.#attempts;
    const readsFirst = this.#readsLeft;
    // Bounded by what is queued now: a try may queue nothing but is never repeated here.
    let writes = this.#writes.length;
    let reads = this.#reads.length;
    do {
      if (readsFirst) {
        reads = this.#tryReads(reads, completionsMax);
      }
      writes = this.#tryWrites(writes, completionsMax);
      reads = this.#tryReads(reads, completionsMax);
      attempts.makeCalls();
      // What would have to wait has left room for others.
    } while (writes + reads > 0 && this.#results.count < completionsMax);
    this.#readsLeft = reads > 0 && !readsFirst;
    const completed = this.#results.count;
    this.#results.flush(sink);
    return completed;
  }

  /** Tries the first `count` of the writes while there is room; returns how many of them are left. */
  #tryWrites(count: number, completionsMax: number): number {
    const attempts = this.#attempts;
    let left = count;
    for (; left > 0 && attempts.completionsMost < completionsMax; left--) {
      attempts.tryWrite(this.#writes.shift());
    }
    return left;
  }

  /** The same for reads. */
  #tryReads(count: number, completionsMax: number): number {
    const attempts = this.#attempts;
    let left = count;
    for (; left > 0 && attempts.completionsMost < completionsMax; left--) {
      const socket = this.#reads.shift();
      attempts.tryRead(socket, completionsMax - attempts.completionsMost);
      if (this.#table.readKind[socket] === ACCEPT && this.#isReadable(socket)) {
        // More connections may wait than one turn takes.
        this.#queueRead(socket);
      }
    }
    return left;
  }

  get wakeDescriptor(): number {
    return this.#poller.wakeDescriptor;
  }

  watch(onReady: () => void): LoopWatch {
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
