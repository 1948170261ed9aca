/**
 * The driver `io_uring`: operations are entries of the submission ring, completions are entries of the completion
 * ring, and one system call a turn hands over the first and gathers the second.
 */

import type { SocketAddress, SocketFamily } from '../../base/address.js';
import { systemClock } from '../../base/clock.js';
import { ECANCELED, ENOENT, MSG_NOSIGNAL, MSG_WAITALL, POLLIN, SOCK_CLOEXEC } from '../../ffi/linux/constants.js';
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
  IORING_OP_SEND,
  IORING_OP_SENDMSG,
  IORING_POLL_ADD_MULTI,
  IORING_RECV_MULTISHOT,
  IORING_RECVSEND_POLL_FIRST,
} from '../../ffi/linux/io-uring.js';
import { Slab } from '../../ffi/memory.js';
import { shorten } from '../common/buffer-list.js';
import { MsghdrPool } from '../common/msghdr-blocks.js';
import { encodeSockaddr, SOCKADDR_BYTES_MAX } from '../common/sockaddr.js';
import type { BufferList, CompletionSink, Driver, DriverOptions, LoopWatch } from '../driver.js';
import { linuxErrors } from '../linux/errors.js';
import { linuxMessages } from '../linux/messages.js';
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
import { RingWatch } from './ring-watch.js';
import { SQE_ADDR, SQE_ADDR_HIGH, SQE_OFF, selectBuffer } from './submission-entry.js';
import { Submissions } from './submissions.js';

/** Slots of entries that are the driver's own; operations of the port count from 0. */
const WAKE_SLOT = -1;
/** The slot of what cancels the operation in slot 0; that in slot 1 has the one below, and so on. */
const CANCEL_SLOT = -2;

/**
 * A longer send goes out in pieces. One that has had to wait for room 128 times (APOLL_MAX_RETRY) becomes a thread of the
 * kernel's, one for each such send: with buffers of 8 KiB that is so at 1 MiB, and not at 256 KiB (seen on 6.18).
 */
const ENTRY_BYTES_MAX = 256 * 1024;

/**
 * A multishot receive ends when it has filled this many buffers. Without a limit one turn brings up to 33 of a peer that
 * sends fast (MULTISHOT_MAX_RETRY), and all of them are held when the program pauses the connection at the first.
 */
const RECEIVE_BUFFERS = 2;

export class IoUringDriver implements Driver {
  readonly name = 'io_uring';
  readonly features: readonly string[];
  readonly sockets = new LinuxSockets(false);
  readonly errors = linuxErrors;
  readonly clock = systemClock;
  /** The kernel marks in the rings' memory what it has completed, or would on being entered. */
  readonly seesArrivals = true;
  readonly readsBetweenCalls = false;
  readonly #ring: Ring;
  readonly #buffers: BufferRing;
  readonly #messages = new MsghdrPool(linuxMessages);
  readonly #wake = new WakePipe();
  readonly #disabledFeatures: ReadonlySet<string>;
  readonly #acceptMode: number;
  readonly #receiveMode: number;
  /** The most bytes of a multishot receive; 0 for no limit. */
  readonly #receiveBytesMax: number;
  readonly #overflow = new CqeOverflow();
  readonly #submissions: Submissions;
  /**
   * Their receives complete once each. A multishot one misses the end of the stream when it came with the last bytes: the
   * kernel does not look again where nothing is queued, and nothing wakes it any more (seen on 6.18).
   */
  readonly #unixSockets = new Set<number>();
  #watch: RingWatch | undefined;

  constructor(options: DriverOptions) {
    const setup = findSetup(options.disabledFeatures);
    this.#disabledFeatures = options.disabledFeatures;
    const { ring, buffers } = openRings(options.submissionEntries, setup.flags, options.buffers);
    this.#ring = ring;
    this.#buffers = buffers;
    this.#submissions = new Submissions(ring, buffers, this.#overflow, options.borrowed);
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
   * With POLL_FIRST, a multishot receive that finds bytes at once reads them and does not look again, so it never sees a
   * reset that follows them (on 6.18). Receives are therefore tried at once, unless there is no buffer: then they would
   * fail though nothing has come yet. A receive that has waited for a buffer is tried in any case: with a poll, those in
   * flight would always come before it.
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
    const taken = Math.min(byteLength, ENTRY_BYTES_MAX);
    if (borrowed) {
      this.#submissions.borrowed.post(slot, generation, socket, address, taken);
    } else {
      this.#submissions.prepare(
        IORING_OP_SEND,
        socket,
        0,
        address,
        taken,
        MSG_NOSIGNAL | MSG_WAITALL,
        slot,
        generation,
      );
    }
  }

  postSendGather(slot: number, generation: number, socket: number, gather: BufferList): void {
    const bytes = shorten(gather, ENTRY_BYTES_MAX);
    const message = this.#messages.write(slot, gather).address;
    if (gather.borrowed) {
      this.#submissions.borrowed.postMessage(slot, generation, socket, message, bytes);
    } else {
      this.#submissions.prepare(IORING_OP_SENDMSG, socket, 0, message, 1, MSG_NOSIGNAL | MSG_WAITALL, slot, generation);
    }
  }

  cancel(slot: number, generation: number): void {
    this.#submissions.borrowed.cancel(slot);
    const word = this.#submissions.prepare(IORING_OP_ASYNC_CANCEL, -1, 0, 0, 0, 0, CANCEL_SLOT - slot, generation);
    // The entry to cancel is named by its user_data, in `addr`.
    const { entries } = this.#submissions;
    entries[word + SQE_ADDR] = slot;
    entries[word + SQE_ADDR_HIGH] = generation;
  }

  /**
   * Each write of the pipe brings a completion, until close. An eventfd would not do: the kernel does not signal the
   * ring's own eventfd from inside the wake-up of another, and loses the second such signal (seen on kernel 6.18).
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
      this.#submissions.enter(timeoutMs);
    }
    const { words, cqes, cqMask } = ring;
    // The head moves on before each completion goes up: what the sink does may post, and a full ring may take the rest.
    // What it put aside is older than what the ring has then, so the rest waits for the next call.
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

  /** What one completion entry means. */
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
        this.#messages.release(slot);
        sink.complete(slot, generation, end, false, -1);
      }
      return;
    }
    if (!more) {
      this.#messages.release(slot);
    }
    let buffer = -1;
    if ((flags & IORING_CQE_F_BUFFER) !== 0) {
      buffer = flags >>> IORING_CQE_BUFFER_SHIFT;
      this.#buffers.took();
      if (result <= 0) {
        // The kernel can hand a buffer over with an end or an error too.
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
        // The kernel finds none that it is about to try again, such as a send that had room for a part (seen on 6.18).
        this.cancel(cancelled, generation);
      }
      return;
    }
    if (result === -ECANCELED) {
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

  watch(onReady: () => void): LoopWatch {
    this.#watch = new RingWatch(this.#ring, onReady, this.#disabledFeatures);
    return this.#watch;
  }

  close(): void {
    this.#ring.close();
    this.#wake.close();
  }
}
