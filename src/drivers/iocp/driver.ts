/**
 * The driver `iocp`: operations are Winsock's overlapped calls, completions are dequeued from a Windows completion
 * port.
 */

import type { SocketAddress } from '../../base/address.js';
import { assert } from '../../base/assert.js';
import { systemClock } from '../../base/clock.js';
import { Int32Queue } from '../../base/int-queue.js';
import { Slab } from '../../ffi/memory.js';
import {
  INVALID_SOCKET,
  SO_UPDATE_CONNECT_CONTEXT,
  WSA_IO_PENDING,
  WSA_OPERATION_ABORTED,
  WSAEWOULDBLOCK,
} from '../../ffi/windows/constants.js';
import { kernel32 } from '../../ffi/windows/kernel32.js';
import { WSABUF } from '../../ffi/windows/structs.js';
import { ws2_32 } from '../../ffi/windows/ws2_32.js';
import { FreeBuffers } from '../common/free-buffers.js';
import { encodeSockaddr, SOCKADDR_BYTES_MAX } from '../common/sockaddr.js';
import { WaitingThread } from '../common/waiting-thread.js';
import type { BufferList, CompletionSink, Driver, DriverOptions, LoopWatch } from '../driver.js';
import { GATHER_PIECES_MAX } from '../driver.js';
import { numberOfStatus, windowsErrors } from '../windows/errors.js';
import { setWsabuf, setWsabufs } from '../windows/messages.js';
import { connectable, windowsAddresses } from '../windows/sockaddr.js';
import { WindowsSockets } from '../windows/sockets.js';
import { Accepts } from './accepts.js';
import { Entries, NativePort, WAKE_KEY } from './completion-port.js';
import { Extensions } from './extensions.js';
import { IocpWait } from './iocp-wait.js';
import {
  CANCELLED_WORD,
  clearOverlapped,
  GENERATION_WORD,
  KIND_WORD,
  PerIoData,
  SOCKET_WORD,
  STATUS_WORD,
} from './per-io-data.js';
import { SKIP_SUCCESS } from './probe.js';
import { READY, Receives } from './receives.js';

/** Kinds of operations in their records. */
const IDLE = 0;
const CONNECT = 1;
const RECEIVE = 2;
const SEND = 3;

/** Pages stay locked while a send is in flight; the layer above completes longer ones in pieces. */
const SEND_BYTES_MAX = 2 ** 24;

/** With this many entries at once, looking again before returning to the event loop is likely to find more. */
const BUSY_ENTRIES_MIN = 4;

/** Polls in a row that may live from what completed at once without asking the system for news. */
const WAITS_SKIPPED_MAX = 8;

/** The longest wait, in ms, while the waiting thread was told to return and has not: it may take what would end the wait. */
const SHARED_WAIT_MS_MAX = 10;

export class IocpDriver implements Driver {
  readonly name = 'iocp';
  readonly features: readonly string[];
  readonly sockets = new WindowsSockets();
  readonly errors = windowsErrors;
  readonly clock = systemClock;
  readonly seesArrivals = false;
  /** A send that waits for room is read when there is some. */
  readonly readsBetweenCalls = true;
  readonly #ws2_32 = ws2_32();
  readonly #port = new NativePort();
  readonly #entries = new Entries();
  readonly #operations = new PerIoData();
  readonly #extensions = new Extensions();
  readonly #accepts: Accepts;
  readonly #receives: Receives;
  readonly #buffers: FreeBuffers;
  readonly #skipsSuccess: boolean;
  /** WSABUFs of one call: Winsock has copied them when it returns (WSARecv, WSASend, "Remarks"). */
  readonly #wsabufs = new Slab(GATHER_PIECES_MAX * WSABUF.size);
  /** Room for what calls give back, and for an address. */
  readonly #scratch = new Slab(16 + SOCKADDR_BYTES_MAX);
  /** Operations that ended within their call: slot and result. */
  readonly #ended = new Int32Queue();
  /** Slots of receives that have something to take. */
  readonly #ready = new Int32Queue();
  /** What had ended left no room for all of those. */
  #readyLeft = false;
  #entriesLast = 0;
  #waitsSkipped = 0;
  readonly #wait = new IocpWait(this.#port);

  constructor(options: DriverOptions) {
    this.#skipsSuccess = !options.disabledFeatures.has(SKIP_SUCCESS);
    this.features = this.#skipsSuccess ? [SKIP_SUCCESS] : [];
    this.#buffers = new FreeBuffers(options.buffers);
    this.#receives = new Receives(this.sockets, this.#buffers, this.#skipsSuccess);
    this.#accepts = new Accepts(this.sockets, this.#extensions, this.#skipsSuccess);
  }

  associate(socket: number): void {
    this.#receives.associate(socket);
    this.#port.associate(this.sockets.records.of(socket).handle, this.#skipsSuccess);
  }

  forget(_socket: number): void {}

  postAccept(slot: number, generation: number, socket: number): void {
    this.#accepts.post(slot, generation, socket);
  }

  postConnect(slot: number, generation: number, socket: number, address: SocketAddress): void {
    const name = this.#scratch.address + 16;
    const byteLength = encodeSockaddr(windowsAddresses, this.#scratch, 16, connectable(address));
    this.sockets.bindToAny(socket);
    const record = this.sockets.records.of(socket);
    const { ConnectEx } = this.#extensions.of(record);
    this.#begin(slot, generation, socket, CONNECT);
    const done = ConnectEx(record.handle, name, byteLength, 0, 0, 0, this.#operations.address);
    this.#called(slot, done !== 0, 0);
  }

  postReceive(slot: number, generation: number, socket: number, _once: boolean): void {
    this.#begin(slot, generation, socket, RECEIVE);
    const stands = this.#receives.post(socket, this.#operations.address);
    if (stands < 0) {
      this.#endLater(slot, stands);
    } else if (stands === READY) {
      this.#ready.push(slot);
    }
  }

  postSend(slot: number, generation: number, socket: number, address: number, byteLength: number): void {
    this.#begin(slot, generation, socket, SEND);
    setWsabuf(this.#wsabufs, 0, address, Math.min(byteLength, SEND_BYTES_MAX));
    this.#send(slot, socket, 1);
  }

  postSendGather(slot: number, generation: number, socket: number, gather: BufferList): void {
    this.#begin(slot, generation, socket, SEND);
    this.#send(slot, socket, setWsabufs(this.#wsabufs, 0, gather, SEND_BYTES_MAX));
  }

  #send(slot: number, socket: number, count: number): void {
    const { address } = this.#scratch;
    const { handle } = this.sockets.records.of(socket);
    const overlapped = this.#operations.address;
    const result = this.#ws2_32.WSASend(handle, this.#wsabufs.address, count, address, 0, overlapped, 0);
    this.#called(slot, result === 0, this.#scratch.u32[0] as number);
  }

  /** Prepares the record of an operation; its address is in `#operations.address` then. */
  #begin(slot: number, generation: number, socket: number, kind: number): void {
    const operations = this.#operations;
    const at = operations.seek(slot);
    const { words } = operations;
    assert(words[at + KIND_WORD] === IDLE);
    clearOverlapped(words, at);
    words[at + KIND_WORD] = kind;
    words[at + GENERATION_WORD] = generation;
    words[at + SOCKET_WORD] = socket;
    words[at + CANCELLED_WORD] = 0;
  }

  /** Behind an overlapped call: what did not go on has ended, and nothing else will tell. */
  #called(slot: number, success: boolean, bytes: number): void {
    if (success) {
      if (this.#skipsSuccess) {
        this.#endLater(slot, bytes);
      }
      return;
    }
    const number = this.#ws2_32.WSAGetLastError();
    if (number !== WSA_IO_PENDING) {
      this.#endLater(slot, -number);
    }
  }

  #endLater(slot: number, result: number): void {
    this.#ended.push(slot);
    this.#ended.push(result);
  }

  cancel(slot: number, generation: number, socket: number): void {
    const operations = this.#operations;
    const at = operations.seek(slot);
    if (operations.words[at + KIND_WORD] === IDLE) {
      this.#accepts.cancel(slot, generation);
      return;
    }
    assert(operations.words[at + GENERATION_WORD] === generation && operations.words[at + SOCKET_WORD] === socket);
    operations.words[at + CANCELLED_WORD] = 1;
    // ERROR_NOT_FOUND is as good: then the completion is on its way.
    kernel32().CancelIoEx(this.sockets.records.of(socket).handle, operations.address);
  }

  giveBuffer(index: number): void {
    this.#buffers.give(index);
  }

  get buffersFree(): number {
    return this.#buffers.count;
  }

  poll(sink: CompletionSink, completionsMax: number, timeoutMs: number): void {
    if (this.#waitsSkipped === WAITS_SKIPPED_MAX) {
      // What ends without a packet may never come to an end, nor leave room.
      this.#waitsSkipped = 0;
      const came = this.#dequeue(sink, completionsMax, 0);
      this.#completeOwn(sink, completionsMax - came);
      return;
    }
    const taken = this.#completeOwn(sink, completionsMax);
    if (taken > 0) {
      this.#waitsSkipped++;
      return;
    }
    this.#waitsSkipped = 0;
    this.#dequeue(sink, completionsMax, this.#hasOwn() ? 0 : timeoutMs);
  }

  /** Delivers what comes in packets; returns how many there were. */
  #dequeue(sink: CompletionSink, completionsMax: number, wait: number): number {
    if (wait > 0) {
      // Of two threads that block here, the other one might take what this one waits for.
      this.#wait.recall();
    }
    const waited = this.#deliverWaited(sink);
    if (waited > 0) {
      return waited;
    }
    const alone = this.#wait.busy ? Math.min(wait, SHARED_WAIT_MS_MAX) : wait;
    this.#entriesLast = this.#port.dequeue(this.#entries, completionsMax, alone);
    this.#deliver(sink, this.#entries, this.#entriesLast);
    return this.#entriesLast;
  }

  /** Delivers what the waiting thread has dequeued, which is older than what the port has; returns how many mean something. */
  #deliverWaited(sink: CompletionSink): number {
    const { taken } = this.#wait;
    if (taken === undefined) {
      return 0;
    }
    const delivered = this.#deliver(sink, taken, taken.count);
    this.#wait.delivered();
    return delivered;
  }

  #hasOwn(): boolean {
    return this.#ended.length > 0 || this.#ready.length > 0 || this.#accepts.readyCount > 0;
  }

  hasWork(): boolean {
    return this.#hasOwn() || this.#entriesLast >= BUSY_ENTRIES_MIN || this.#wait.taken !== undefined;
  }

  /** Tells what ended without a packet, at most `completionsMax`; returns how much. */
  #completeOwn(sink: CompletionSink, completionsMax: number): number {
    let told = this.#accepts.readyCount > 0 ? this.#accepts.deliverReady(sink, completionsMax) : 0;
    const readyFirst = this.#readyLeft;
    if (readyFirst) {
      told += this.#takeReady(sink, completionsMax - told);
    }
    told += this.#tellEnded(sink, completionsMax - told);
    if (!readyFirst) {
      told += this.#takeReady(sink, completionsMax - told);
    }
    this.#readyLeft = !readyFirst && this.#ready.length > 0;
    return told;
  }

  #tellEnded(sink: CompletionSink, completionsMax: number): number {
    let told = 0;
    // Bounded by what is there now: what is told may add to it.
    for (let left = this.#ended.length; left > 0 && told < completionsMax; left -= 2, told++) {
      const slot = this.#ended.shift();
      this.#end(sink, slot, this.#ended.shift());
    }
    return told;
  }

  #takeReady(sink: CompletionSink, completionsMax: number): number {
    let told = 0;
    for (let left = this.#ready.length; left > 0 && told < completionsMax; left--) {
      told += this.#take(sink, this.#ready.shift());
    }
    return told;
  }

  /** Delivers entries; returns how many mean something. */
  #deliver(sink: CompletionSink, entries: Entries, count: number): number {
    let delivered = 0;
    let wakeUps = 0;
    for (let index = 0; index < count; index++) {
      const overlapped = entries.overlappedOf(index);
      if (overlapped !== 0) {
        this.#complete(sink, overlapped, entries.bytesOf(index));
        delivered++;
      } else if (entries.keyOf(index) === WAKE_KEY) {
        wakeUps++;
      }
    }
    if (wakeUps > 0) {
      sink.wakeUp(wakeUps);
    }
    return delivered + wakeUps;
  }

  /** What one dequeued entry means. */
  #complete(sink: CompletionSink, overlapped: number, bytes: number): void {
    const operations = this.#operations;
    const slot = operations.slotOf(overlapped);
    if (slot < 0) {
      const known = this.#accepts.complete(sink, overlapped);
      assert(known, 'A completion of an operation that nobody posted');
      return;
    }
    const at = operations.seek(slot);
    const number = numberOfStatus(operations.words[at + STATUS_WORD] as number);
    if (number !== 0) {
      this.#end(sink, slot, -number);
    } else if (operations.words[at + KIND_WORD] === RECEIVE) {
      this.#receives.arrived(operations.words[at + SOCKET_WORD] as number, bytes);
      this.#take(sink, slot);
    } else {
      this.#end(sink, slot, bytes);
    }
  }

  /** Takes what a receive waited for; returns how often the receive has completed. */
  #take(sink: CompletionSink, slot: number): 0 | 1 {
    const operations = this.#operations;
    const at = operations.seek(slot);
    const socket = operations.words[at + SOCKET_WORD] as number;
    const received = this.#receives.take(socket);
    if (received !== -WSAEWOULDBLOCK) {
      return this.#end(sink, slot, received, this.#receives.buffer);
    }
    if (operations.words[at + CANCELLED_WORD] === 1) {
      return this.#end(sink, slot, -WSA_OPERATION_ABORTED);
    }
    clearOverlapped(operations.words, at);
    const stands = this.#receives.post(socket, operations.address);
    if (stands < 0) {
      return this.#end(sink, slot, stands);
    }
    if (stands === READY) {
      this.#ready.push(slot);
    }
    return 0;
  }

  #end(sink: CompletionSink, slot: number, result: number, buffer = -1): 1 {
    const operations = this.#operations;
    const at = operations.seek(slot);
    const { words } = operations;
    const kind = words[at + KIND_WORD];
    assert(kind !== IDLE);
    words[at + KIND_WORD] = IDLE;
    if (kind === CONNECT && result >= 0) {
      const { handle } = this.sockets.records.of(words[at + SOCKET_WORD] as number);
      this.sockets.updateContext(handle, SO_UPDATE_CONNECT_CONTEXT, INVALID_SOCKET);
    }
    sink.complete(slot, words[at + GENERATION_WORD] as number, result, false, buffer);
    return 1;
  }

  get retryAt(): number {
    return this.#port.retryAt;
  }

  get wakeDescriptor(): number {
    return this.#port.handle;
  }

  watch(onReady: () => void): LoopWatch {
    return new WaitingThread('a waiting thread in GetQueuedCompletionStatusEx', this.#wait, onReady);
  }

  close(): void {
    this.#wait.closePort();
  }
}
