/**
 * The driver `io_uring`: operations are entries of the submission ring, completions are entries of the completion ring,
 * and one system call for each turn submits the former and brings the latter.
 */

import type { SocketAddress, SocketFamily } from '../../base/address.js';
import { systemClock } from '../../base/clock.js';
import { performanceNow } from '../../base/runtime.js';
import { ECANCELED, ENOENT, POLLIN, SOCK_CLOEXEC } from '../../ffi/linux/constants.js';
import {
  IORING_ACCEPT_MULTISHOT,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IORING_OP_ACCEPT,
  IORING_OP_ASYNC_CANCEL,
  IORING_OP_CONNECT,
  IORING_OP_POLL_ADD,
  IORING_OP_RECV,
  IORING_POLL_ADD_MULTI,
  IORING_RECV_MULTISHOT,
  IORING_RECVSEND_POLL_FIRST,
} from '../../ffi/linux/io-uring.js';
import { Slab } from '../../ffi/memory.js';
import { encodeSockaddr, SOCKADDR_BYTES_MAX } from '../common/sockaddr.js';
import type { BufferList, CompletionSink, Driver, DriverOptions, LoopWatch, OnReady } from '../driver.js';
import { linuxErrors } from '../linux/errors.js';
import { nodeLoop } from '../linux/node-loop.js';
import { fromHere, linuxAddresses } from '../linux/sockaddr.js';
import { LinuxSockets } from '../linux/sockets.js';
import { WakePipe } from '../linux/wake.js';
import { BUFFER_GROUP, type BufferRing } from './buffer-ring.js';
import { CQE_FLAGS, CQE_GENERATION, CQE_RES, CQE_SLOT, CQE_WORDS } from './completion-entry.js';
import { CqeOverflow } from './cqe-overflow.js';
import { findSetup, MULTISHOT_ACCEPT, MULTISHOT_LIMIT, MULTISHOT_RECEIVE } from './features.js';
import { findMultishotReceive } from './multishot-probe.js';
import { openRings } from './open-rings.js';
import type { Ring } from './ring.js';
import { RingLoopWait } from './ring-loop-wait.js';
import { RingWatch } from './ring-watch.js';
import { Sends } from './sends.js';
import { SQE_ADDR, SQE_ADDR_HIGH, SQE_OFF, selectBuffer } from './submission-entry.js';
import { Submissions } from './submissions.js';

/** The slot of the driver's own wake-up entry; slots of the port count from 0. */
const WAKE_SLOT = -1;
/** The slot of the poll of Node's event loop. */
const LOOP_SLOT = -2;
/** The slot of that poll's cancel. */
const LOOP_CANCEL_SLOT = -3;
/** The slot of the cancel of slot 0; the cancel of slot n has CANCEL_SLOT - n. */
const CANCEL_SLOT = -4;

/**
 * A multishot receive ends after it has filled this many buffers. Without a limit, one turn can bring 33 buffers of a
 * fast peer (MULTISHOT_MAX_RETRY), all of which are held if the program pauses the connection after the first.
 */
const RECEIVE_BUFFERS = 2;

export class IoUringDriver implements Driver {
  readonly name = 'io_uring';
  readonly features: readonly string[];
  readonly sockets = new LinuxSockets(false);
  readonly errors = linuxErrors;
  readonly clock = systemClock;
  /** The kernel marks in the rings' memory what it has completed, or would complete when it is entered. */
  readonly seesArrivals = true;
  readonly readsBetweenCalls = false;
  readonly #ring: Ring;
  readonly #buffers: BufferRing;
  readonly #wake = new WakePipe();
  readonly #disabledFeatures: ReadonlySet<string>;
  readonly #acceptMode: number;
  readonly #receiveMode: number;
  /** Maximum bytes of a multishot receive; 0 for no limit. */
  readonly #receiveBytesMax: number;
  readonly #overflow = new CqeOverflow();
  readonly #submissions: Submissions;
  /**
   * Receives on Unix sockets are never multishot. A multishot receive misses an end of the stream that arrives with the
   * last bytes: the kernel does not look again if nothing is queued, and no event wakes it later (seen on 6.18).
   */
  readonly #unixSockets = new Set<number>();
  #watch: RingWatch | undefined;
  #loopWait: RingLoopWait | undefined;
  readonly #sends: Sends;

  constructor(options: DriverOptions) {
    const setup = findSetup(options.disabledFeatures);
    this.#disabledFeatures = options.disabledFeatures;
    const { ring, buffers } = openRings(options.submissionEntries, setup.flags, options.buffers);
    this.#ring = ring;
    this.#buffers = buffers;
    this.#submissions = new Submissions(ring, buffers, this.#overflow, options.borrowed);
    this.#sends = new Sends(this.#submissions);
    const features = [...setup.features, `submission_entries_${this.#ring.submissionEntries}`];
    const uses = (name: string, supported: boolean, mode: number): number => {
      if (!supported || options.disabledFeatures.has(name)) {
        return 0;
      }
      features.push(name);
      return mode;
    };
    this.#acceptMode = uses(MULTISHOT_ACCEPT, true, IORING_ACCEPT_MULTISHOT);
    const multishot = findMultishotReceive();
    this.#receiveMode = uses(MULTISHOT_RECEIVE, multishot.supported, IORING_RECV_MULTISHOT);
    this.#receiveBytesMax = uses(MULTISHOT_LIMIT, multishot.limited, RECEIVE_BUFFERS * options.buffers.sizeBytes);
    this.features = features;
    this.#armWake();
  }

  associate(socket: number, family: SocketFamily): void {
    if (family === 'unix') {
      this.#unixSockets.add(socket);
    }
  }

  forget(socket: number): void {
    this.#submissions.borrowed.forget(socket);
    this.#unixSockets.delete(socket);
  }

  postAccept(slot: number, generation: number, socket: number): void {
    this.#submissions.prepare(IORING_OP_ACCEPT, socket, this.#acceptMode, 0, 0, SOCK_CLOEXEC, slot, generation);
  }

  postConnect(slot: number, generation: number, socket: number, address: SocketAddress): void {
    const memory = new Slab(SOCKADDR_BYTES_MAX);
    const byteLength = encodeSockaddr(linuxAddresses, memory, 0, fromHere(address));
    const word = this.#submissions.prepare(IORING_OP_CONNECT, socket, 0, memory.address, 0, 0, slot, generation);
    // connect(2)'s addrlen is in `off`.
    this.#submissions.entries[word + SQE_OFF] = byteLength;
    this.#submissions.keepUntilSubmitted(memory);
  }

  /**
   * POLL_FIRST has the kernel wait for readiness before it tries the receive. A multishot receive with POLL_FIRST that
   * finds bytes immediately reads them and does not look again, so it misses a reset that follows them (on 6.18).
   * Therefore receives are tried immediately, unless no buffer is free: then they would fail although no bytes have
   * arrived. A receive that has waited for a buffer is always tried immediately, because otherwise receives in flight
   * would always come first.
   */
  postReceive(slot: number, generation: number, socket: number, once: boolean, hasWaited = false): void {
    const multishot = once || this.#unixSockets.has(socket) ? 0 : this.#receiveMode;
    const tried = hasWaited || (multishot !== 0 && this.#buffers.free > 0);
    const mode = tried ? multishot : IORING_RECVSEND_POLL_FIRST | multishot;
    const word = this.#submissions.prepare(IORING_OP_RECV, socket, mode, 0, 0, 0, slot, generation);
    selectBuffer(this.#submissions.entries, word, BUFFER_GROUP, multishot === 0 ? 0 : this.#receiveBytesMax);
  }

  postSend(
    slot: number,
    generation: number,
    socket: number,
    address: number,
    byteLength: number,
    borrowed: boolean,
  ): void {
    this.#sends.post(slot, generation, socket, address, byteLength, borrowed);
  }

  postSendGather(slot: number, generation: number, socket: number, pieces: BufferList): void {
    this.#sends.postGather(slot, generation, socket, pieces);
  }

  quietLastSend(): void {
    this.#sends.quietLast();
  }

  mindSends(): void {
    this.#submissions.quiet = 0;
  }

  cancel(slot: number, generation: number): void {
    this.#submissions.borrowed.cancel(slot);
    this.#cancel(CANCEL_SLOT - slot, slot, generation);
  }

  #cancel(ownSlot: number, slot: number, generation: number): void {
    const word = this.#submissions.prepare(IORING_OP_ASYNC_CANCEL, -1, 0, 0, 0, 0, ownSlot, generation);
    // `addr` has the user_data of the entry to cancel.
    const { entries } = this.#submissions;
    entries[word + SQE_ADDR] = slot;
    entries[word + SQE_ADDR_HIGH] = generation;
  }

  /**
   * Each write to the pipe brings a completion, until close. An eventfd would not work: the kernel does not signal the
   * ring's own eventfd from inside the wake-up of another eventfd, and loses the second such signal (seen on kernel
   * 6.18).
   */
  #armWake(): void {
    this.#submissions.prepare(
      IORING_OP_POLL_ADD,
      this.#wake.readable,
      0,
      0,
      IORING_POLL_ADD_MULTI,
      POLLIN,
      WAKE_SLOT,
      0,
    );
  }

  giveBuffer(index: number): void {
    this.#buffers.give(index);
  }

  get buffersFree(): number {
    return this.#buffers.free;
  }

  poll(sink: CompletionSink, completionsMax: number, timeoutMs: number): void {
    const ring = this.#ring;
    this.#watch?.disarm();
    if (this.#overflow.length > 0) {
      this.#overflow.deliver(
        (slot, generation, result, flags) => this.#complete(sink, slot, generation, result, flags),
        completionsMax,
      );
      return;
    }
    if (ring.ready === 0) {
      if (timeoutMs === 0 && ring.toSubmit === 0 && !ring.hasDeferred) {
        return;
      }
      this.#enter(timeoutMs);
    }
    const { words, cqes, cqMask } = ring;
    // The head advances before each completion is delivered, because the sink may post, and a post that finds the ring
    // full may move the remaining completions to the overflow. Those are older than the ring's, so this poll then
    // stops.
    for (let left = completionsMax; left > 0 && ring.ready > 0 && this.#overflow.length === 0; left--) {
      const head = ring.head;
      const word = cqes + (head & cqMask) * CQE_WORDS;
      const slot = words[word + CQE_SLOT] as number;
      const generation = words[word + CQE_GENERATION] as number;
      const result = words[word + CQE_RES] as number;
      const flags = words[word + CQE_FLAGS] as number;
      ring.advance((head + 1) | 0);
      this.#complete(sink, slot, generation, result, flags);
    }
    ring.giveBack();
  }

  #enter(timeoutMs: number): void {
    const wait = this.#loopWait;
    if (timeoutMs === 0 || wait?.isUsed !== true) {
      this.#submissions.enter(timeoutMs);
      return;
    }
    const began = performanceNow();
    try {
      this.#submissions.enter(timeoutMs);
    } finally {
      wait.waited(began);
    }
  }

  get interrupted(): boolean {
    return this.#loopWait?.interrupted === true;
  }

  /** Handles one completion entry. */
  #complete(sink: CompletionSink, slot: number, generation: number, result: number, flags: number): void {
    const more = (flags & IORING_CQE_F_MORE) !== 0;
    if (slot < 0) {
      this.#completeOwn(sink, slot, generation, result, more);
      return;
    }
    const { borrowed } = this.#submissions;
    if (borrowed.some && borrowed.has(slot)) {
      const end = borrowed.completed(slot, generation, result);
      if (end !== undefined) {
        this.#sends.borrowedEnded(slot);
        sink.complete(slot, generation, end, false, -1);
      }
      return;
    }
    if (!more && !this.#sends.completed(slot, generation, result)) {
      return;
    }
    let buffer = -1;
    if ((flags & IORING_CQE_F_BUFFER) !== 0) {
      buffer = flags >>> IORING_CQE_BUFFER_SHIFT;
      this.#buffers.took();
      if (result <= 0) {
        // The kernel may also take a buffer for an end of the stream or an error.
        this.#buffers.give(buffer);
        buffer = -1;
      }
    }
    sink.complete(slot, generation, result, more, buffer);
  }

  #completeOwn(sink: CompletionSink, slot: number, generation: number, result: number, more: boolean): void {
    if (slot <= CANCEL_SLOT) {
      const cancelled = CANCEL_SLOT - slot;
      if (result === -ENOENT && sink.isInFlight(cancelled, generation)) {
        // The kernel does not find an operation that it is about to retry, such as a partial send (seen on 6.18).
        this.cancel(cancelled, generation);
      }
      return;
    }
    if (slot === LOOP_SLOT) {
      this.#loopWait?.completed(generation, result);
      return;
    }
    if (slot === LOOP_CANCEL_SLOT || result === -ECANCELED) {
      return;
    }
    const count = this.#wake.take();
    if (!more) {
      this.#armWake();
    }
    if (count > 0) {
      sink.wakeUp(count);
    }
  }

  hasWork(): boolean {
    const ring = this.#ring;
    if (ring.ready > 0 || this.#overflow.length > 0) {
      return true;
    }
    return (ring.toSubmit > 0 || ring.hasDeferred) && ring.retry.at === Infinity;
  }

  get retryAt(): number {
    return this.#ring.retry.at;
  }

  get wakeDescriptor(): number {
    return this.#wake.descriptor;
  }

  watch(onReady: OnReady): LoopWatch {
    this.#loopWait ??= this.#openLoopWait();
    this.#watch = new RingWatch(this.#ring, onReady, this.#disabledFeatures, this.#loopWait);
    return this.#watch;
  }

  #openLoopWait(): RingLoopWait | undefined {
    const loop = nodeLoop(this.#disabledFeatures);
    return (
      loop &&
      new RingLoopWait(loop, {
        post: (descriptor, generation) => {
          this.#submissions.prepare(IORING_OP_POLL_ADD, descriptor, 0, 0, 0, POLLIN, LOOP_SLOT, generation);
        },
        cancel: (generation) => this.#cancel(LOOP_CANCEL_SLOT, LOOP_SLOT, generation),
      })
    );
  }

  close(): void {
    this.#ring.close();
    this.#wake.close();
  }
}
