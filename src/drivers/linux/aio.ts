/**
 * Many receives and sends by one system call. Linux's asynchronous I/O (io_submit(2)) was made for files, but accepts
 * sockets. On non-blocking sockets each call has ended, or would block, when io_submit returns, and its result is in a
 * ring in memory: nothing stays in flight, and no second system call is needed.
 */

import { isMainThread } from 'node:worker_threads';
import { assert } from '../../base/assert.js';
import { process } from '../../base/runtime.js';
import { viewOf } from '../../ffi/library.js';
import {
  AIO_RING_MAGIC,
  type AioCalls,
  aioCalls,
  IOCB_CMD_PREAD,
  IOCB_CMD_PWRITE,
  IOCB_CMD_PWRITEV,
  RWF_NOSIGNAL,
} from '../../ffi/linux/aio.js';
import { AF_UNIX, EAGAIN, EPIPE, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { aio_ring, io_event, iocb, msghdr } from '../../ffi/linux/structs.js';
import { keepUntilHere, Slab } from '../../ffi/memory.js';
import { trackContext, untrackContext } from '../common/resources.js';
import { CallBatch, RECEIVE_CALL, SEND_CALL, SEND_MESSAGE_CALL, type TransferCalls } from '../readiness/call-batch.js';

/** A feature name, for `disabledFeatures` too. */
export const BATCHED_CALLS = 'batched_calls';

/**
 * Maximum calls of one io_submit. The context of each thread counts as this many towards the system's limit
 * (fs.aio-max-nr, 65,536 by default).
 */
const CALLS_MAX = 256;

/** Fewer calls cost less if they are made one by one. */
const CALLS_MIN = 2;

const EVENT_WORDS = io_event.size >> 2;
const COMMANDS = {
  [RECEIVE_CALL]: IOCB_CMD_PREAD,
  [SEND_CALL]: IOCB_CMD_PWRITE,
  [SEND_MESSAGE_CALL]: IOCB_CMD_PWRITEV,
};

/** An asynchronous I/O context of the kernel. */
export class AioContext {
  readonly #io_submit: number;
  readonly #libc = libc();
  /** 0 after its end: then io_submit refuses every call, and they are made one by one. */
  #address: number;
  readonly #ring: Int32Array;
  readonly #ringEvents: number;
  readonly #iocbs = new Slab(CALLS_MAX * iocb.size);
  readonly #pointers = new Slab(CALLS_MAX * 8);
  /** Flags of a send. */
  #sendFlags = 0;

  private constructor(address: number, calls: AioCalls) {
    this.#address = address;
    this.#io_submit = calls.io_submit;
    const header = new Int32Array(viewOf(address, aio_ring.size));
    this.#ringEvents = header[aio_ring.nr >> 2] as number;
    this.#ring = new Int32Array(viewOf(address, aio_ring.size + this.#ringEvents * io_event.size));
    for (let index = 0; index < CALLS_MAX; index++) {
      this.#pointers.setAddress(8 * index, this.#iocbs.address + index * iocb.size);
      this.#iocbs.u32[(index * iocb.size + iocb.aio_data) >> 2] = index;
    }
  }

  /** Returns undefined if the system has no asynchronous I/O, refuses it, or does not support sockets as needed. */
  static open(): AioContext | undefined {
    const word = new Slab(8);
    if (aioCalls === undefined || libc().syscall(aioCalls.io_setup, CALLS_MAX, word.address, 0, 0, 0, 0) < 0) {
      return undefined;
    }
    const address = word.addressAt(0);
    const header = new Uint32Array(viewOf(address, aio_ring.size));
    if (header[aio_ring.magic >> 2] === AIO_RING_MAGIC && header[aio_ring.incompat_features >> 2] === 0) {
      const context = new AioContext(address, aioCalls);
      if (context.#serves()) {
        return context;
      }
    }
    destroyContext(address);
    return undefined;
  }

  /** Whether a send to a closed connection raises no SIGPIPE (kernel 6.18). */
  get sparesSignals(): boolean {
    return this.#sendFlags !== 0;
  }

  /** The context ends with this thread, even if the thread is terminated. */
  belongToThread(): void {
    trackContext(this.#address);
    process.once('exit', () => {
      const address = this.#address;
      this.#address = 0;
      untrackContext(address);
      destroyContext(address);
    });
  }

  /** Tries the context on a pair of sockets: a receive that would block, and a send whose peer is closed. */
  #serves(): boolean {
    const pair = new Slab(8);
    const type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    if (this.#libc.socketpair(AF_UNIX, type, 0, pair.address) < 0) {
      return false;
    }
    const [ours, peers] = pair.i32 as unknown as [number, number];
    const none: TransferCalls = { receive: () => 0, send: () => 0, sendMessage: () => 0 };
    const batch = new CallBatch(2);
    const receive = batch.add(RECEIVE_CALL, ours, pair.address, pair.byteLength);
    const send = batch.add(SEND_CALL, ours, pair.address, pair.byteLength);
    this.#submit(batch, none);
    const transfers = batch.results[receive] === -EAGAIN && batch.results[send] === pair.byteLength;
    this.#libc.close(peers);
    // Without the flag we rely on Node, which ignores SIGPIPE. With it, a program's own handling of signals does not
    // matter.
    this.#sendFlags = RWF_NOSIGNAL;
    this.#submit(batch, none);
    if (batch.results[send] !== -EPIPE) {
      this.#sendFlags = 0;
    }
    this.#libc.close(ours);
    keepUntilHere(pair);
    return transfers;
  }

  /** Makes the calls of a batch. Calls that io_submit refuses are made by `calls`, one by one. */
  makeAll(batch: CallBatch, calls: TransferCalls): void {
    if (batch.length < CALLS_MIN) {
      batch.makeAll(calls);
    } else {
      this.#submit(batch, calls);
    }
  }

  #submit(batch: CallBatch, calls: TransferCalls): void {
    const { length } = batch;
    assert(length <= CALLS_MAX);
    for (let index = 0; index < length; index++) {
      this.#write(batch, index);
    }
    for (let made = 0; made < length; ) {
      const from = this.#pointers.address + 8 * made;
      const submitted = this.#libc.syscall3(this.#io_submit, this.#address, length - made, from);
      if (submitted > 0) {
        this.#take(batch.results, submitted);
        made += submitted;
      } else {
        // io_submit refuses the first of the calls (io_submit(2)): the socket is closed, or there is no room.
        batch.makeOne(calls, made++);
      }
    }
  }

  #write(batch: CallBatch, index: number): void {
    const { i32 } = this.#iocbs;
    const offset = index * iocb.size;
    const word = offset >> 2;
    const kind = batch.kinds[index] as keyof typeof COMMANDS;
    let address = batch.addresses[index] as number;
    let count = batch.byteLengths[index] as number;
    if (kind === SEND_MESSAGE_CALL) {
      const message = batch.messages[index] as Slab;
      address = message.addressAt(msghdr.msg_iov);
      count = message.u32[msghdr.msg_iovlen >> 2] as number;
    }
    i32[word + (iocb.aio_rw_flags >> 2)] = kind === RECEIVE_CALL ? 0 : this.#sendFlags;
    // With `aio_reqprio` in the same word, which is 0.
    i32[word + (iocb.aio_lio_opcode >> 2)] = COMMANDS[kind];
    i32[word + (iocb.aio_fildes >> 2)] = batch.sockets[index] as number;
    this.#iocbs.setAddress(offset + iocb.aio_buf, address);
    this.#iocbs.setAddress(offset + iocb.aio_nbytes, count);
  }

  /** Reads the results of `count` calls from the ring. */
  #take(results: Int32Array, count: number): void {
    const ring = this.#ring;
    let head = ring[aio_ring.head >> 2] as number;
    for (let left = count; left > 0; left--) {
      assert(head !== ring[aio_ring.tail >> 2], 'A call on a socket is over when io_submit returns');
      const word = (aio_ring.size >> 2) + head * EVENT_WORDS;
      results[ring[word + (io_event.data >> 2)] as number] = ring[word + (io_event.res >> 2)] as number;
      head = head + 1 === this.#ringEvents ? 0 : head + 1;
    }
    ring[aio_ring.head >> 2] = head;
  }
}

/** This thread's context: undefined if it has none, null before the first call of `threadContext`. */
let ofThread: AioContext | undefined | null = null;

/**
 * The context that all ports of this thread share, from the first port to the end of the thread. Destroying a context
 * takes a grace period of the kernel (30 ms were seen), and between two batches a context is empty.
 */
export function threadContext(): AioContext | undefined {
  if (ofThread !== null) {
    return ofThread;
  }
  ofThread = AioContext.open();
  if (!isMainThread) {
    // The main thread's context ends with the process.
    ofThread?.belongToThread();
  }
  return ofThread;
}

function destroyContext(address: number): void {
  libc().syscall3((aioCalls as AioCalls).io_destroy, address, 0, 0);
}

/** Destroys the context of a dead thread, without blocking this one. */
export function destroyContextOfDead(address: number): void {
  libc().syscall3.async((aioCalls as AioCalls).io_destroy, address, 0, 0, () => {});
}
