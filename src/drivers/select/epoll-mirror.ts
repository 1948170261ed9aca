/**
 * How Node's event loop hears on Linux that select would find something. select has no descriptor that the loop could
 * watch, and a thread that waits in select would have to be called back at each change of what is wanted. An epoll set has a
 * descriptor: it holds the sockets of the port, only to wake the loop. What is ready, select says.
 */

import { lastErrno } from '../../ffi/library.js';
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLLET,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
} from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { epoll_event } from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import { opened } from '../common/resources.js';
import type { LoopWatch } from '../driver.js';
import { closeDescriptor } from '../linux/descriptors.js';
import { linuxErrors } from '../linux/errors.js';
import { DescriptorWatch } from '../linux/loop-watch.js';

/** Events taken by one epoll_wait. */
const EVENTS_MAX = 64;

/**
 * Edge-triggered: each new readiness wakes the loop once, wanted or not. What was ready before the loop waits, select has
 * said, and what is wanted later must be asked of select before the loop sleeps (`unasked`).
 */
const EVENTS = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET;

export class EpollMirror {
  readonly descriptor: number;
  readonly #libc = libc();
  readonly #memory = new Slab(EVENTS_MAX * epoll_event.size);

  /** @throws OperationError when there is no room for a descriptor, or for these sockets */
  constructor(sockets: readonly number[]) {
    this.descriptor = this.#libc.epoll_create1(EPOLL_CLOEXEC);
    if (this.descriptor < 0) {
      throw linuxErrors.create(lastErrno(), 'epoll_create1');
    }
    opened(this.descriptor);
    for (const socket of sockets) {
      const added = this.add(socket);
      if (added < 0) {
        this.close();
        throw linuxErrors.create(-added, 'epoll_ctl');
      }
    }
  }

  /** Returns 0, or the system's error number, negated. Closing the socket takes it out again (epoll(7), question 6). */
  add(socket: number): number {
    const { i32, address } = this.#memory;
    i32[epoll_event.events >> 2] = EVENTS;
    return this.#libc.epoll_ctl(this.descriptor, EPOLL_CTL_ADD, socket, address) < 0 ? -lastErrno() : 0;
  }

  /** Takes what it has to report, so that it is not readable before there is something new. */
  drain(): void {
    const { epoll_wait } = this.#libc;
    let taken: number;
    do {
      taken = epoll_wait(this.descriptor, this.#memory.address, EVENTS_MAX, 0);
    } while (taken === EVENTS_MAX);
  }

  close(): void {
    closeDescriptor(this.descriptor);
  }
}

/** A mirror in the event loop. */
export class MirrorWatch implements LoopWatch {
  readonly #mirror: EpollMirror;
  readonly #watch: DescriptorWatch;
  readonly #whenClosed: () => void;

  constructor(mirror: EpollMirror, onReady: () => void, disabledFeatures: ReadonlySet<string>, whenClosed: () => void) {
    this.#mirror = mirror;
    this.#whenClosed = whenClosed;
    this.#watch = new DescriptorWatch(mirror.descriptor, onReady, { disabledFeatures, drain: () => mirror.drain() });
  }

  get kind(): string {
    return this.#watch.kind;
  }

  arm(): void {
    this.#watch.arm();
  }

  ref(): void {
    this.#watch.ref();
  }

  unref(): void {
    this.#watch.unref();
  }

  close(): void {
    this.#watch.close();
    this.#whenClosed();
    this.#mirror.close();
  }
}
