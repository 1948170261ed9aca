/**
 * Waits for an epoll set and for Node's event loop at once: by poll(2) on both descriptors. Neither of two epolls can be
 * in the other (epoll_ctl(2), ELOOP), and adding one to another takes the longer the more sockets it has. The loop's
 * epoll contains the set, which is muted there meanwhile.
 */

import { POLLIN } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { pollfd } from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import type { LoopWait, OnReady } from '../driver.js';
import { DescriptorWatch } from '../linux/descriptor-watch.js';
import type { EpollWatch } from '../linux/epoll-watch.js';
import type { NodeLoop } from '../linux/node-loop.js';

const REVENTS_OF_SET = pollfd.revents >> 1;
const REVENTS_OF_LOOP = (pollfd.size + pollfd.revents) >> 1;

export class EpollLoopWait implements LoopWait {
  isUsed = false;
  interrupted = false;
  /** The set's registration in the loop's epoll. */
  inLoop: EpollWatch | undefined;
  readonly #libc = libc();
  readonly #fds = new Slab(2 * pollfd.size);
  readonly #loop: NodeLoop;

  constructor(loop: NodeLoop, epoll: number) {
    this.#loop = loop;
    [epoll, loop.descriptor].forEach((descriptor, index) => {
      const offset = index * pollfd.size;
      this.#fds.i32[(offset + pollfd.fd) >> 2] = descriptor;
      this.#fds.u16[(offset + pollfd.events) >> 1] = POLLIN;
    });
  }

  begin(): boolean {
    this.interrupted = false;
    return this.#loop.isUsable && this.inLoop?.suspend() === true;
  }

  idleMs(): number {
    return this.#loop.idleMs();
  }

  /**
   * Waits for up to `timeoutMs`, an integer. Returns whether the set has something to report, or -1 with errno if the
   * call has failed.
   */
  wait(timeoutMs: number): number {
    const began = this.#loop.now();
    const ready = this.#libc.poll(this.#fds.address, 2, timeoutMs);
    if (ready < 0) {
      return ready;
    }
    this.#loop.waited(began);
    const { u16 } = this.#fds;
    this.interrupted = u16[REVENTS_OF_LOOP] !== 0;
    return u16[REVENTS_OF_SET] === 0 ? 0 : 1;
  }

  end(): void {
    this.isUsed = false;
    this.interrupted = false;
    this.inLoop?.resume();
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
