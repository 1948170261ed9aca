/**
 * Waits for an epoll set and for Node's event loop at once: by poll(2) on both descriptors. Neither of two epolls can be
 * in the other (epoll_ctl(2), ELOOP), and adding one to another takes the longer the more sockets it has. The loop's
 * epoll contains the set, which is muted there meanwhile.
 */

import { performanceNow } from '../../base/runtime.js';
import { POLLIN } from '../../ffi/linux/constants.js';
import { libc } from '../../ffi/linux/libc.js';
import { pollfd } from '../../ffi/linux/structs.js';
import { Slab } from '../../ffi/memory.js';
import { LinuxLoopWait } from '../linux/loop-wait.js';
import type { NodeLoop } from '../linux/node-loop.js';

const REVENTS_OF_SET = pollfd.revents >> 1;
const REVENTS_OF_LOOP = (pollfd.size + pollfd.revents) >> 1;

export class EpollLoopWait extends LinuxLoopWait {
  readonly #libc = libc();
  readonly #fds = new Slab(2 * pollfd.size);

  constructor(loop: NodeLoop, epoll: number) {
    super(loop);
    [epoll, loop.descriptor].forEach((descriptor, index) => {
      const offset = index * pollfd.size;
      this.#fds.i32[(offset + pollfd.fd) >> 2] = descriptor;
      this.#fds.u16[(offset + pollfd.events) >> 1] = POLLIN;
    });
  }

  protected override prepare(): boolean {
    return this.registration?.suspend() === true;
  }

  /**
   * Waits for up to `timeoutMs`, an integer. Returns whether the set has something to report, or -1 with errno if the
   * call has failed.
   */
  wait(timeoutMs: number): number {
    const began = performanceNow();
    const ready = this.#libc.poll(this.#fds.address, 2, timeoutMs);
    if (ready < 0) {
      return ready;
    }
    this.waited(began);
    const { u16 } = this.#fds;
    this.loopReady = u16[REVENTS_OF_LOOP] !== 0;
    return u16[REVENTS_OF_SET] === 0 ? 0 : 1;
  }

  protected override release(): void {
    this.registration?.resume();
  }
}
