/**
 * Node's event loop as something that a port can wait for: a descriptor that is readable when the loop has something to
 * do, and the time until its next timer. Programs that embed libuv drive it by the same functions (uv_backend_fd(3)).
 */

import { performanceNow } from '../../base/runtime.js';
import { type Libuv, openLibuv } from '../../ffi/linux/libuv.js';
import { watchesInLoop } from './epoll-watch.js';
import { IdleTime } from './idle-time.js';

/** A feature name for `disabledFeatures`: turns do not wait for the event loop. */
const LOOP_WAIT_FEATURE = 'event_loop_wait';

/** How often the loop's counter of idle time is searched for. The loop may not have slept before the first time. */
const SEARCHES_MAX = 8;

/**
 * Work of a call that waits, in ms: io_uring sends in it, and loopback's peers receive in it. This much of each wait does
 * not count as idle, so that a busy loop is not taken for an idle one.
 */
const CALL_MS = 0.02;

export class NodeLoop {
  /** Readable when something has arrived for the loop. */
  readonly descriptor: number;
  readonly #uv: Libuv;
  #idleTime: IdleTime | undefined;
  #searches = 0;
  /** When the loop's time was set last by this class: it may have been set later. */
  #updatedAt = -Infinity;

  constructor(uv: Libuv) {
    this.#uv = uv;
    this.descriptor = uv.uv_backend_fd(uv.loop);
  }

  /**
   * Whether a port may wait in the loop's place: only if the loop's idle time remains right, and no other port is in the
   * loop. The loop may have taken the other's event and not reported it yet, and does not find it a second time.
   */
  get isUsable(): boolean {
    if (watchesInLoop() !== 1) {
      return false;
    }
    if (this.#idleTime === undefined && this.#searches < SEARCHES_MAX) {
      this.#searches++;
      this.#idleTime = IdleTime.find(this.#uv);
    }
    return this.#idleTime !== undefined;
  }

  /** How long the loop has nothing to do unless something arrives, in ms: 0 if it has, Infinity without limit. */
  idleMs(): number {
    const { loop, uv_backend_timeout } = this.#uv;
    const timeoutMs = uv_backend_timeout(loop);
    if (timeoutMs <= 0) {
      return timeoutMs === 0 ? 0 : Infinity;
    }
    // By the loop's own time, which stands still. It is set again only when a timer seems due: that is a call more.
    const leftMs = timeoutMs - (performanceNow() - this.#updatedAt);
    return leftMs > 0 ? leftMs : this.#updatedIdleMs();
  }

  #updatedIdleMs(): number {
    const { loop, uv_backend_timeout, uv_update_time } = this.#uv;
    this.#updatedAt = performanceNow();
    uv_update_time(loop);
    return uv_backend_timeout(loop);
  }

  /** A call has waited in the loop's place. */
  waited(durationMs: number): void {
    this.#idleTime?.add(durationMs - CALL_MS);
  }
}

let found: NodeLoop | undefined;
let searched = false;

/** The event loop of this thread; undefined if it cannot be reached, or is not to be waited for. */
export function nodeLoop(disabledFeatures: ReadonlySet<string>): NodeLoop | undefined {
  if (disabledFeatures.has(LOOP_WAIT_FEATURE)) {
    return undefined;
  }
  if (!searched) {
    searched = true;
    const uv = openLibuv();
    found = uv === undefined ? undefined : new NodeLoop(uv);
  }
  return found;
}
