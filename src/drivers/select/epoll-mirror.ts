/**
 * Wakes Node's event loop for select on Linux. select has no descriptor that the loop could watch, and a thread that
 * waits in select would have to be interrupted at each change of the wanted sets. An epoll set has a descriptor, so the
 * port's sockets are also in one, only to wake the loop; select itself says which of them are ready.
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
import { trackDescriptor } from '../common/resources.js';
import { DescriptorWatch } from '../linux/descriptor-watch.js';
import { closeDescriptor } from '../linux/descriptors.js';
import { linuxErrors } from '../linux/errors.js';

/** Maximum number of events of one epoll_wait. */
const EVENTS_MAX = 64;

/**
 * Edge-triggered: each new readiness wakes the loop once, wanted or not. select has reported the sockets that were
 * ready before the loop waits, and a socket that is wanted later is handed to select before the loop waits (`unasked`).
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
    trackDescriptor(this.descriptor);
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

  /** Takes all pending events, so that the descriptor is not readable until there is a new one. */
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

/** Watches a mirror in the event loop, and closes it in the end. */
export class MirrorWatch extends DescriptorWatch {
  readonly #mirror: EpollMirror;
  readonly #onClose: () => void;

  constructor(mirror: EpollMirror, onReady: () => void, disabledFeatures: ReadonlySet<string>, onClose: () => void) {
    super(mirror.descriptor, onReady, { disabledFeatures, drain: () => mirror.drain() });
    this.#mirror = mirror;
    this.#onClose = onClose;
  }

  override close(): void {
    super.close();
    this.#onClose();
    this.#mirror.close();
  }
}
