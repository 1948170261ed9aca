/** The part of a turn's wait for Node's event loop that does not depend on the driver. */

import { performanceNow } from '../../base/runtime.js';
import type { LoopWait } from '../driver.js';
import type { EpollWatch } from './epoll-watch.js';
import type { NodeLoop } from './node-loop.js';

export abstract class LinuxLoopWait implements LoopWait {
  isUsed = false;
  loopReady = false;
  /** The registration of the port's descriptor in the loop's epoll. The watch sets it before `begin`. */
  registration: EpollWatch | undefined;
  protected readonly loop: NodeLoop;

  constructor(loop: NodeLoop) {
    this.loop = loop;
  }

  begin(): boolean {
    this.loopReady = false;
    return this.loop.isUsable && this.prepare();
  }

  /** Lets waits end for the event loop from now on. Returns whether that has worked. */
  protected abstract prepare(): boolean;

  idleMs(): number {
    return this.loop.idleMs();
  }

  /** A call that has waited since `beganAt` (`performanceNow`) has ended. */
  waited(beganAt: number): void {
    this.loop.waited(performanceNow() - beganAt);
  }

  /** Whether the last poll has ended because the event loop has something to do, for `Driver.interrupted`. */
  get interrupted(): boolean {
    return this.isUsed && this.loopReady;
  }

  end(): void {
    this.isUsed = false;
    this.loopReady = false;
    this.release();
  }

  /** Ends what `prepare` has begun. Does nothing the second time. */
  protected abstract release(): void;
}
