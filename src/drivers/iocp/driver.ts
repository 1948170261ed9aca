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
import { ws2_32 } from '../../ffi/windows/ws2_32.js';
import { FreeBuffers } from '../common/free-buffers.js';
import { PollFairness } from '../common/poll-fairness.js';
import { encodeSockaddr, SOCKADDR_BYTES_MAX } from '../common/sockaddr.js';
import { ThreadWatch } from '../common/thread-watch.js';
import type { BufferList, CompletionSink, Driver, DriverOptions, LoopWatch } from '../driver.js';
import { numberOfStatus, windowsErrors } from '../windows/errors.js';
import { connectable, windowsAddresses } from '../windows/sockaddr.js';
import { WindowsSockets } from '../windows/sockets.js';
import { Accepts } from './accepts.js';
import { Entries, NativePort, WAKE_KEY } from './completion-port.js';
import { Extensions } from './extensions.js';
import { IocpWait } from './iocp-wait.js';
import { CONNECT, IDLE, PerIoData, type PerIoRecord, RECEIVE, SEND } from './per-io-data.js';
import { SKIP_SUCCESS } from './probe.js';
import { READY, Receives } from './receives.js';
import { Sends } from './sends.js';

/**
 * Maximum wait, in ms, while the waiting thread has not yet returned after a recall: it may dequeue what would end the
 * wait.
 */
const SHARED_WAIT_MS_MAX = 10;

export class IocpDriver implements Driver {
  readonly name = 'iocp';
  readonly features: readonly string[];
  readonly sockets = new WindowsSockets();
  readonly errors = windowsErrors;
  readonly clock = systemClock;
  readonly seesArrivals = false;
  /** The system reads the memory of a send when there is room in the socket's buffer, which may be later. */
  readonly readsBetweenCalls = true;
  readonly #ws2_32 = ws2_32();
  readonly #port = new NativePort();
  readonly #entries = new Entries();
  readonly #operations = new PerIoData();
  readonly #extensions = new Extensions();
  readonly #accepts: Accepts;
  readonly #receives: Receives;
  readonly #sends: Sends;
  readonly #buffers: FreeBuffers;
  readonly #skipsSuccess: boolean;
  /** The address that ConnectEx connects to. */
  readonly #name = new Slab(SOCKADDR_BYTES_MAX);
  /** Operations that ended within their call: slot and result in turn. */
  readonly #ended = new Int32Queue();
  /** Slots of receives that have not reached the system yet. */
  readonly #unposted = new Int32Queue();
  /** Slots of receives that have bytes to take. */
  readonly #ready = new Int32Queue();
  /** Ended operations filled the last poll before all ready receives had been taken. */
  #readyLeft = false;
  readonly #fairness = new PollFairness();
  readonly #wait = new IocpWait(this.#port);

  constructor(options: DriverOptions) {
    this.#skipsSuccess = !options.disabledFeatures.has(SKIP_SUCCESS);
    this.features = this.#skipsSuccess ? [SKIP_SUCCESS] : [];
    this.#buffers = new FreeBuffers(options.buffers);
    this.#receives = new Receives(this.sockets, this.#buffers, this.#skipsSuccess);
    this.#sends = new Sends(this.sockets, this.#skipsSuccess);
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
    const byteLength = encodeSockaddr(windowsAddresses, this.#name, 0, connectable(address));
    this.sockets.bindToAny(socket);
    const record = this.sockets.records.of(socket);
    const { ConnectEx } = this.#extensions.of(record);
    const { address: overlapped } = this.#begin(slot, generation, socket, CONNECT);
    // An operation that is not pending has ended, and no packet will report it.
    if (ConnectEx(record.handle, this.#name.address, byteLength, 0, 0, 0, overlapped) === 0) {
      const number = this.#ws2_32.WSAGetLastError();
      if (number !== WSA_IO_PENDING) {
        this.#endLater(slot, -number);
      }
    } else if (this.#skipsSuccess) {
      this.#endLater(slot, 0);
    }
  }

  /**
   * Posts the first receive of a socket at once. The next poll posts the others, after the sends that the program posts
   * meanwhile: the peer's answer has often arrived by then, and a WSARecv that finds it saves a wait and a packet.
   */
  postReceive(slot: number, generation: number, socket: number, _once: boolean): void {
    const operation = this.#begin(slot, generation, socket, RECEIVE);
    if (this.#receives.hasReceived(socket)) {
      this.#unposted.push(slot);
    } else {
      // Wine reports a reset that comes before the call as the end of the stream.
      this.#receive(operation);
    }
  }

  #receive({ slot, socket, address }: PerIoRecord): void {
    const state = this.#receives.post(socket, address);
    if (state < 0) {
      this.#endLater(slot, state);
    } else if (state === READY) {
      this.#ready.push(slot);
    }
  }

  /** Makes the calls of the receives that were posted since the last poll. */
  #receivePosted(): void {
    for (let left = this.#unposted.length; left > 0; left--) {
      const operation = this.#operations.of(this.#unposted.shift());
      if (operation.cancelled) {
        this.#endLater(operation.slot, -WSA_OPERATION_ABORTED);
      } else {
        this.#receive(operation);
      }
    }
  }

  postSend(slot: number, generation: number, socket: number, address: number, byteLength: number): void {
    const operation = this.#begin(slot, generation, socket, SEND);
    this.#sent(slot, this.#sends.one(operation, address, byteLength));
  }

  postSendGather(slot: number, generation: number, socket: number, pieces: BufferList): void {
    const operation = this.#begin(slot, generation, socket, SEND);
    this.#sent(slot, this.#sends.gather(operation, pieces));
  }

  #sent(slot: number, result: number | undefined): void {
    if (result !== undefined) {
      this.#endLater(slot, result);
    }
  }

  /** Prepares the record of an operation. */
  #begin(slot: number, generation: number, socket: number, kind: number): PerIoRecord {
    const operation = this.#operations.of(slot);
    assert(operation.kind === IDLE);
    operation.clearOverlapped();
    operation.kind = kind;
    operation.generation = generation;
    operation.socket = socket;
    operation.cancelled = false;
    return operation;
  }

  #endLater(slot: number, result: number): void {
    this.#ended.push(slot);
    this.#ended.push(result);
  }

  cancel(slot: number, generation: number, socket: number): void {
    const operation = this.#operations.of(slot);
    if (operation.kind === IDLE) {
      this.#accepts.cancel(slot, generation);
      return;
    }
    assert(operation.generation === generation);
    assert(operation.socket === socket);
    operation.cancelled = true;
    // ERROR_NOT_FOUND is no failure: the completion is already on its way.
    kernel32().CancelIoEx(this.sockets.records.of(socket).handle, operation.address);
  }

  giveBuffer(index: number): void {
    this.#buffers.give(index);
  }

  get buffersFree(): number {
    return this.#buffers.count;
  }

  poll(sink: CompletionSink, completionsMax: number, timeoutMs: number): void {
    const fairness = this.#fairness;
    this.#receivePosted();
    if (fairness.mustAsk) {
      // Operations that end without a packet could fill every poll.
      fairness.ask();
      const dequeued = this.#dequeue(sink, completionsMax, 0);
      this.#completeOwn(sink, completionsMax - dequeued);
      return;
    }
    if (this.#completeOwn(sink, completionsMax) > 0) {
      fairness.skip();
      return;
    }
    fairness.ask();
    this.#dequeue(sink, completionsMax, this.#hasOwn() ? 0 : timeoutMs);
  }

  /** Delivers completions that come as packets; returns the number of packets. */
  #dequeue(sink: CompletionSink, completionsMax: number, wait: number): number {
    if (wait > 0) {
      // If both threads blocked here, the other one could dequeue what this one waits for.
      this.#wait.recall();
    }
    const waited = this.#deliverWaited(sink);
    if (waited > 0) {
      return waited;
    }
    const alone = this.#wait.busy ? Math.min(wait, SHARED_WAIT_MS_MAX) : wait;
    const dequeued = this.#port.dequeue(this.#entries, completionsMax, alone);
    this.#fairness.reported(dequeued);
    this.#deliver(sink, this.#entries, dequeued);
    return dequeued;
  }

  /**
   * Delivers the entries that the waiting thread has dequeued, which are older than those in the port; returns the
   * number of completions and wake-ups among them.
   */
  #deliverWaited(sink: CompletionSink): number {
    const { taken } = this.#wait;
    if (taken === undefined) {
      return 0;
    }
    const delivered = this.#deliver(sink, taken, taken.count);
    this.#wait.clear();
    return delivered;
  }

  #hasOwn(): boolean {
    return (
      this.#ended.length > 0 || this.#ready.length > 0 || this.#accepts.readyCount > 0 || this.#unposted.length > 0
    );
  }

  hasWork(): boolean {
    return this.#hasOwn() || this.#fairness.isBusy || this.#wait.taken !== undefined;
  }

  /** Completes operations that ended without a packet, at most `completionsMax`; returns how many. */
  #completeOwn(sink: CompletionSink, completionsMax: number): number {
    let completed = this.#accepts.readyCount > 0 ? this.#accepts.deliverReady(sink, completionsMax) : 0;
    const readyFirst = this.#readyLeft;
    if (readyFirst) {
      completed += this.#takeReady(sink, completionsMax - completed);
    }
    completed += this.#completeEnded(sink, completionsMax - completed);
    if (!readyFirst) {
      completed += this.#takeReady(sink, completionsMax - completed);
    }
    this.#readyLeft = !readyFirst && this.#ready.length > 0;
    return completed;
  }

  #completeEnded(sink: CompletionSink, completionsMax: number): number {
    let completed = 0;
    // Bounded by the queue's length now: a completion may add to it.
    for (let left = this.#ended.length; left > 0 && completed < completionsMax; left -= 2, completed++) {
      const operation = this.#operations.of(this.#ended.shift());
      this.#end(sink, operation, this.#ended.shift());
    }
    return completed;
  }

  #takeReady(sink: CompletionSink, completionsMax: number): number {
    let completed = 0;
    for (let left = this.#ready.length; left > 0 && completed < completionsMax; left--) {
      completed += this.#take(sink, this.#operations.of(this.#ready.shift()));
    }
    return completed;
  }

  /** Delivers entries; returns the number of completions and wake-ups among them. */
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

  /** Handles one dequeued entry. */
  #complete(sink: CompletionSink, overlapped: number, bytes: number): void {
    const operation = this.#operations.at(overlapped);
    if (operation === undefined) {
      const known = this.#accepts.complete(sink, overlapped);
      assert(known, 'A completion of an operation that was not posted');
      return;
    }
    const number = numberOfStatus(operation.status);
    if (number !== 0) {
      this.#end(sink, operation, -number);
    } else if (operation.kind === RECEIVE) {
      this.#receives.arrived(operation.socket, bytes);
      this.#take(sink, operation);
    } else {
      this.#end(sink, operation, bytes);
    }
  }

  /** Reads the bytes that a receive has waited for; returns how many completions that gave. */
  #take(sink: CompletionSink, operation: PerIoRecord): 0 | 1 {
    const { slot, socket } = operation;
    const received = this.#receives.fill(socket);
    if (received > 0) {
      return this.#end(sink, operation, received, this.#buffers.take());
    }
    if (received !== -WSAEWOULDBLOCK) {
      return this.#end(sink, operation, received);
    }
    if (operation.cancelled) {
      return this.#end(sink, operation, -WSA_OPERATION_ABORTED);
    }
    operation.clearOverlapped();
    const state = this.#receives.post(socket, operation.address);
    if (state < 0) {
      return this.#end(sink, operation, state);
    }
    if (state === READY) {
      this.#ready.push(slot);
    }
    return 0;
  }

  #end(sink: CompletionSink, operation: PerIoRecord, result: number, buffer = -1): 1 {
    const { slot, generation, socket, kind } = operation;
    assert(kind !== IDLE);
    operation.kind = IDLE;
    this.#sends.ended(operation);
    if (kind === CONNECT && result >= 0) {
      const { handle } = this.sockets.records.of(socket);
      this.sockets.updateContext(handle, SO_UPDATE_CONNECT_CONTEXT, INVALID_SOCKET);
    }
    sink.complete(slot, generation, result, false, buffer);
    return 1;
  }

  get retryAt(): number {
    return this.#port.retryAt;
  }

  get wakeDescriptor(): number {
    return this.#port.handle;
  }

  watch(onReady: () => void): LoopWatch {
    return new ThreadWatch('a waiting thread in GetQueuedCompletionStatusEx', this.#wait, onReady);
  }

  close(): void {
    this.#wait.closePort();
  }
}
