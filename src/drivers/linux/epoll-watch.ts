/**
 * Watches a descriptor in libuv's own epoll, with no addon and no thread. Node reads a pipe through `net.Socket`. Under
 * the pipe's number we put an eventfd in semaphore mode, so that every read finds bytes, and register our descriptor in
 * libuv's epoll under that number. When our descriptor is readable, libuv reads the eventfd and Node calls us, as for
 * any socket. `docs/event-loop.md` has the alternatives that were tried.
 */

import { Buffer } from 'node:buffer';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { assert } from '../../base/assert.js';
import { OperationError } from '../../base/errors.js';
import { clearImmediate, setImmediate } from '../../base/runtime.js';
import { sharedByCopies } from '../../base/shared-by-copies.js';
import { lastErrno } from '../../ffi/library.js';
import {
  EBUSY,
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EFD_SEMAPHORE,
  EINTR,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLET,
  EPOLLIN,
  O_CLOEXEC,
  O_NONBLOCK,
} from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { epoll_event } from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import { uninterrupted } from '../../ffi/worker-table.js';
import { trackDescriptor } from '../common/resources.js';
import type { LoopWatch, OnReady } from '../driver.js';
import { closeDescriptor } from './descriptors.js';
import { linuxErrors } from './errors.js';

/** Larger than the eight bytes of an eventfd: after a read that fills its buffer, libuv reads again immediately. */
const READ_BYTES = 64;

/** Maximum loop iterations until the test wake-up arrives. libuv registers the pipe in one and reports in the next. */
const PROOF_ITERATIONS_MAX = 100;

const DUPLICATE_TRIES_MAX = 16;

const inLoop = sharedByCopies('loop-watches:1', () => ({ watches: 0 }));

/** The number of watches in the event loop of this thread, of all copies of this package. */
export function watchesInLoop(): number {
  return inLoop.watches;
}

type State = 'registering' | 'proving' | 'watching' | 'closed';

/** LoopWatch by libuv's epoll. Until a test wake-up has arrived, it calls `onReady` at every iteration of the loop. */
export class EpollWatch implements LoopWatch {
  readonly kind = "Node's own epoll";
  readonly #libc = libc();
  readonly #memory = new Slab(32);
  readonly #descriptor: number;
  readonly #events: number;
  readonly #onReady: OnReady;
  readonly #onFailure: (reason: string) => void;
  readonly #socket: Socket;
  readonly #pipeRead: number;
  readonly #pipeWrite: number;
  /**
   * Opened early: when they are needed, the process may have reached its limit of descriptors. `spare` is closed while
   * /proc is read, which needs one.
   */
  readonly #reserved = { endless: -1, proof: -1, spare: -1 };
  #loopEpoll = -1;
  #iterations = 0;
  #state: State = 'registering';
  #immediate: NodeJS.Immediate | undefined;
  #referenced = true;

  /**
   * @param descriptor the loop watches until it is readable
   * @param edge whether to report each new readiness once instead of as long as it lasts
   * @param onFailure called once, instead of any further `onReady`, if the test wake-up does not arrive
   */
  constructor(descriptor: number, edge: boolean, onReady: OnReady, onFailure: (reason: string) => void) {
    this.#descriptor = descriptor;
    this.#events = edge ? EPOLLIN | EPOLLET : EPOLLIN;
    this.#onReady = onReady;
    this.#onFailure = onFailure;
    this.#reserve();
    [this.#pipeRead, this.#pipeWrite] = this.#memory.i32 as unknown as [readable: number, writable: number];
    // Node owns the other end, and closes it also when the thread dies.
    trackDescriptor(this.#pipeWrite);
    const onread = { buffer: Buffer.alloc(READ_BYTES), callback: () => this.#wokenUp() };
    this.#socket = new Socket({ fd: this.#pipeRead, readable: true, writable: false, onread } as ConstructorParameters<
      typeof Socket
    >[0]);
    this.#socket.on('error', () => undefined);
    this.#socket.resume();
    inLoop.watches++;
    this.#nextIteration();
  }

  /** Opens all descriptors, or none. */
  #reserve(): void {
    const { eventfd, pipe2 } = this.#libc;
    try {
      this.#reserved.endless = this.#open('eventfd', eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC));
      this.#reserved.proof = this.#open('eventfd', eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
      this.#reserved.spare = this.#open('eventfd', eventfd(0, EFD_CLOEXEC));
      this.#check(pipe2(this.#memory.address, O_CLOEXEC | O_NONBLOCK), 'pipe2');
    } catch (error) {
      this.#closeReserved();
      throw error;
    }
  }

  #open(syscall: string, descriptor: number): number {
    this.#check(descriptor, syscall);
    trackDescriptor(descriptor);
    return descriptor;
  }

  #closeReserved(): void {
    for (const name of ['endless', 'proof', 'spare'] as const) {
      if (this.#reserved[name] >= 0) {
        closeDescriptor(this.#reserved[name]);
        this.#reserved[name] = -1;
      }
    }
  }

  /** Does nothing: the descriptor stays registered. */
  arm(): void {
    assert(this.#state !== 'closed');
  }

  #nextIteration(): void {
    this.#immediate = setImmediate(() => this.#step());
    if (!this.#referenced) {
      this.#immediate.unref();
    }
  }

  #step(): void {
    this.#immediate = undefined;
    this.#iterations++;
    if (this.#state === 'registering' && this.#iterations >= 2) {
      uninterrupted(() => this.#orFail(() => this.#startProof()));
    } else if (this.#state === 'proving' && this.#iterations > PROOF_ITERATIONS_MAX) {
      this.#fail('a test wake-up did not arrive');
    }
    if (this.#state === 'registering' || this.#state === 'proving') {
      this.#nextIteration();
      this.#onReady();
    }
  }

  #startProof(): void {
    this.#closeSpare();
    this.#loopEpoll = findEpollThatWatches(this.#pipeRead);
    this.#reserved.spare = this.#libc.eventfd(0, EFD_CLOEXEC);
    trackDescriptor(this.#reserved.spare);
    if (this.#loopEpoll < 0) {
      // Not yet registered, unless it never is.
      if (this.#iterations > PROOF_ITERATIONS_MAX) {
        this.#fail("Node's epoll was not found");
      }
      return;
    }
    // Remove libuv's own registration, which would report the endless eventfd forever.
    this.#control(EPOLL_CTL_DEL, this.#pipeRead);
    const { endless } = this.#reserved;
    // The maximum count (eventfd(2)): one read for each wake-up will never exhaust it.
    this.#memory.u32.set([0xffff_fffe, 0xffff_ffff]);
    this.#check(this.#libc.write(endless, this.#memory.address, 8), 'write');
    this.#check(this.#duplicate(endless), 'dup3');
    this.#control(EPOLL_CTL_ADD, this.#reserved.proof);
    closeDescriptor(this.#pipeWrite);
    this.#state = 'proving';
  }

  #closeSpare(): void {
    if (this.#reserved.spare >= 0) {
      closeDescriptor(this.#reserved.spare);
    }
  }

  /** dup3 may be interrupted, or meet another thread that opens something (dup(2), EINTR and EBUSY). */
  #duplicate(descriptor: number): number {
    for (let tries = 1; ; tries++) {
      const result = this.#libc.dup3(descriptor, this.#pipeRead, O_CLOEXEC);
      if (result >= 0 || tries === DUPLICATE_TRIES_MAX || ![EINTR, EBUSY].includes(lastErrno())) {
        return result;
      }
    }
  }

  /** An error of the system does not reach the port's user: another way to wake the loop takes over. */
  #orFail(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof OperationError)) {
        throw error;
      }
      this.#fail(`${error.syscall} failed with ${error.code}`);
    }
  }

  /** libuv has read the eventfd, because the descriptor that is registered under its number was ready. */
  #wokenUp(): boolean {
    if (this.#state === 'proving') {
      this.#orFail(() => this.#startWatching());
    }
    if (this.#state === 'watching') {
      this.#onReady(true);
    }
    return true;
  }

  #startWatching(): void {
    this.#control(EPOLL_CTL_DEL, this.#reserved.proof);
    this.#control(EPOLL_CTL_ADD, this.#descriptor);
    this.#closeReserved();
    this.#state = 'watching';
  }

  /** Whether the descriptor is registered in the event loop's own epoll. */
  get isWatching(): boolean {
    return this.#state === 'watching';
  }

  /** The event loop's epoll does not report the descriptor until `resume`. Returns whether that has worked. */
  suspend(): boolean {
    return this.isWatching && this.#callControl(EPOLL_CTL_MOD, this.#descriptor, 0) >= 0;
  }

  /** Reports it again, also if it is ready by now. */
  resume(): void {
    if (this.isWatching) {
      this.#orFail(() => this.#control(EPOLL_CTL_MOD, this.#descriptor));
    }
  }

  #fail(reason: string): void {
    this.close();
    this.#onFailure(reason);
  }

  ref(): void {
    this.#referenced = true;
    this.#socket.ref();
    this.#immediate?.ref();
  }

  unref(): void {
    this.#referenced = false;
    this.#socket.unref();
    this.#immediate?.unref();
  }

  close(): void {
    assert(this.#state !== 'closed');
    // Closing a descriptor removes it from every epoll, but the port's own descriptor stays open after this.
    if (this.#state === 'watching') {
      this.#callControl(EPOLL_CTL_DEL, this.#descriptor);
    } else if (this.#state === 'registering') {
      closeDescriptor(this.#pipeWrite);
    }
    this.#closeReserved();
    this.#state = 'closed';
    inLoop.watches--;
    clearImmediate(this.#immediate);
    this.#socket.destroy();
  }

  #control(operation: number, descriptor: number): void {
    this.#check(this.#callControl(operation, descriptor), 'epoll_ctl');
  }

  #callControl(operation: number, descriptor: number, events = this.#events): number {
    const { u32, address } = this.#memory;
    u32[epoll_event.events >> 2] = events;
    this.#memory.setAddress(epoll_event.data, this.#pipeRead);
    return this.#libc.epoll_ctl(this.#loopEpoll, operation, descriptor, address);
  }

  #check(result: number, syscall: string): void {
    if (result < 0) {
      throw linuxErrors.create(lastErrno(), syscall);
    }
  }
}

/**
 * The epoll descriptor of this process in which `descriptor` is registered; -1 when there is none (proc(5), fdinfo).
 */
function findEpollThatWatches(descriptor: number): number {
  const target = new RegExp(`^tfd:\\s+${descriptor} `, 'm');
  for (const name of openDescriptors()) {
    try {
      if (
        readlinkSync(`/proc/self/fd/${name}`) === 'anon_inode:[eventpoll]' &&
        target.test(readFileSync(`/proc/self/fdinfo/${name}`, 'utf8'))
      ) {
        return Number(name);
      }
    } catch {
      // Closed since it was listed: readdir's own descriptor, or another thread's.
    }
  }
  return -1;
}

/** Numbers of the descriptors of this process; none when there is no descriptor left to read them with. */
function openDescriptors(): readonly string[] {
  try {
    return readdirSync('/proc/self/fd');
  } catch {
    return [];
  }
}
