/**
 * Waits for an epoll set and for Node's event loop at once: the descriptor of the loop's epoll is in the set. The set
 * is in the loop's epoll otherwise, and each cannot be in the other (epoll_ctl(2), ELOOP), so a wait swaps them.
 */

import { lastErrno } from '../../ffi/library.js';
import { EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLLIN } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { epoll_event } from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import type { LoopWait, OnReady } from '../driver.js';
import { DescriptorWatch } from '../linux/descriptor-watch.js';
import type { EpollWatch } from '../linux/epoll-watch.js';
import { linuxErrors } from '../linux/errors.js';
import type { NodeLoop } from '../linux/node-loop.js';

export class EpollLoopWait implements LoopWait {
  /** The loop's descriptor while it is in the set, otherwise -1. */
  descriptor = -1;
  /** Whether the event loop had something to do since `begin`. */
  interrupted = false;
  /** The set's registration in the loop's epoll. */
  inLoop: EpollWatch | undefined;
  readonly #libc = libc();
  readonly #event = new Slab(epoll_event.size);
  readonly #loop: NodeLoop;
  readonly #epoll: number;

  constructor(loop: NodeLoop, epoll: number) {
    this.#loop = loop;
    this.#epoll = epoll;
    this.#event.i32[epoll_event.events >> 2] = EPOLLIN;
    this.#event.setAddress(epoll_event.data, loop.descriptor);
  }

  begin(): boolean {
    this.interrupted = false;
    if (!this.#loop.isUsable || this.inLoop?.suspend() !== true) {
      return false;
    }
    if (this.#control(EPOLL_CTL_ADD) < 0) {
      this.inLoop.resume();
      return false;
    }
    this.descriptor = this.#loop.descriptor;
    return true;
  }

  idleMs(): number {
    return this.#loop.idleMs();
  }

  end(): void {
    this.interrupted = false;
    if (this.descriptor >= 0) {
      this.descriptor = -1;
      if (this.#control(EPOLL_CTL_DEL) < 0) {
        throw linuxErrors.create(lastErrno(), 'epoll_ctl');
      }
      this.inLoop?.resume();
    }
  }

  #control(operation: number): number {
    return this.#libc.epoll_ctl(this.#epoll, operation, this.#loop.descriptor, this.#event.address);
  }

  waited(waitedMs: number): void {
    this.#loop.waited(waitedMs);
  }
}

/** Watches an epoll set in the event loop. */
export class PollerWatch extends DescriptorWatch {
  readonly #wait: EpollLoopWait | undefined;

  constructor(epoll: number, onReady: OnReady, disabledFeatures: ReadonlySet<string>, wait: EpollLoopWait | undefined) {
    super(epoll, onReady, { disabledFeatures });
    this.#wait = wait;
  }

  override get wait(): LoopWait | undefined {
    const wait = this.#wait;
    if (wait === undefined || this.inLoop === undefined) {
      return undefined;
    }
    wait.inLoop = this.inLoop;
    return wait;
  }
}
