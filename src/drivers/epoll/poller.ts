/** Readiness from epoll, edge-triggered: a socket is registered once, for both directions. */

import { lastErrno } from '../../ffi/library.js';
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
} from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { epoll_event } from '../../ffi/linux/structs.js';
import { HIGH_WORD, Slab } from '../../ffi/memory.js';
import { PolledCall } from '../common/polled-call.js';
import { trackDescriptor } from '../common/resources.js';
import type { LoopWatch, OnReady } from '../driver.js';
import { DescriptorWatch } from '../linux/descriptor-watch.js';
import { closeDescriptor } from '../linux/descriptors.js';
import { linuxErrors } from '../linux/errors.js';
import { nodeLoop } from '../linux/node-loop.js';
import { WakeEvent } from '../linux/wake.js';
import type { Poller, ReadinessSink } from '../readiness/poller.js';
import { EpollLoopWait } from './epoll-loop-wait.js';

/** Maximum events of one epoll_wait. The kernel reports the others with the next call. */
const EVENTS_MAX = 512;
const EVENT_WORDS = epoll_event.size >> 2;
const EVENTS_WORD = epoll_event.events >> 2;
/** `data` holds the descriptor in its low word and the descriptor's generation in its high word. */
const DESCRIPTOR_WORD = epoll_event.data >> 2;
const GENERATION_WORD = DESCRIPTOR_WORD + HIGH_WORD;
/** EPOLLPRI: a read stops before urgent data (tcp(7)), so a short read has not emptied the socket. */
const SOCKET_EVENTS = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET;

export class EpollPoller implements Poller {
  /** Never: epoll's own descriptor is readable as long as there is something to report. */
  readonly unasked = false;
  readonly #libc = libc();
  readonly #epoll: number;
  readonly #wake = new WakeEvent();
  readonly #event = new Slab(epoll_event.size);
  readonly #events = new Slab(EVENTS_MAX * epoll_event.size);
  readonly #disabledFeatures: ReadonlySet<string>;
  readonly #wait = new PolledCall('epoll_wait', linuxErrors);
  #loopWait: EpollLoopWait | undefined;

  constructor(disabledFeatures: ReadonlySet<string>) {
    this.#disabledFeatures = disabledFeatures;
    this.#epoll = this.#libc.epoll_create1(EPOLL_CLOEXEC);
    if (this.#epoll < 0) {
      throw linuxErrors.create(lastErrno(), 'epoll_create1');
    }
    trackDescriptor(this.#epoll);
    // Level-triggered, unlike the sockets: it is read when it is reported.
    const added = this.#register(this.#wake.descriptor, 0, EPOLLIN);
    if (added < 0) {
      throw linuxErrors.create(-added, 'epoll_ctl');
    }
  }

  add(socket: number, generation: number): number {
    return this.#register(socket, generation, SOCKET_EVENTS);
  }

  #register(descriptor: number, generation: number, events: number): number {
    const { i32, address } = this.#event;
    i32[EVENTS_WORD] = events;
    i32[DESCRIPTOR_WORD] = descriptor;
    i32[GENERATION_WORD] = generation;
    return this.#libc.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, descriptor, address) < 0 ? -lastErrno() : 0;
  }

  /**
   * Closing the descriptor removes it from the set, as no other descriptor refers to its file (epoll(7), question 6).
   */
  remove(_socket: number): void {}

  wantRead(_socket: number, _wanted: boolean): void {}

  wantWrite(_socket: number, _wanted: boolean): void {}

  wait(sink: ReadinessSink, timeoutMs: number): number {
    const { i32, address } = this.#events;
    const waitMs = this.#wait.begin(timeoutMs);
    const timeout = waitMs === Infinity ? -1 : Math.min(Math.ceil(waitMs), 0x7fff_ffff);
    const count = this.#callWait(address, timeout);
    if (count < 0) {
      return this.#wait.failed(lastErrno());
    }
    for (let index = 0, word = 0; index < count; index++, word += EVENT_WORDS) {
      const events = i32[word + EVENTS_WORD] as number;
      const descriptor = i32[word + DESCRIPTOR_WORD] as number;
      if (descriptor === this.#wake.descriptor) {
        sink.wakeUp(this.#wake.take());
        continue;
      }
      sink.ready(
        descriptor,
        i32[word + GENERATION_WORD] as number,
        (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) !== 0,
        (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) !== 0,
        (events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) !== 0,
      );
    }
    return count;
  }

  #callWait(address: number, timeout: number): number {
    const wait = this.#loopWait;
    if (timeout === 0 || wait?.isUsed !== true) {
      return this.#libc.epoll_wait(this.#epoll, address, EVENTS_MAX, timeout);
    }
    const ready = wait.wait(timeout);
    return ready > 0 ? this.#libc.epoll_wait(this.#epoll, address, EVENTS_MAX, 0) : ready;
  }

  get interrupted(): boolean {
    return this.#loopWait?.interrupted === true;
  }

  get retryAt(): number {
    return this.#wait.retryAt;
  }

  get wakeDescriptor(): number {
    return this.#wake.descriptor;
  }

  watch(onReady: OnReady): LoopWatch {
    const disabledFeatures = this.#disabledFeatures;
    const loop = nodeLoop(disabledFeatures);
    this.#loopWait = loop && new EpollLoopWait(loop, this.#epoll);
    return new DescriptorWatch(this.#epoll, onReady, { disabledFeatures, wait: this.#loopWait });
  }

  close(): void {
    closeDescriptor(this.#epoll);
    this.#wake.close();
  }
}
