/**
 * A ring in Node's event loop. With DEFER_TASKRUN the ring's own descriptor does not wake an epoll when work is
 * deferred (seen on kernel 6.18), but an eventfd registered with the ring is written then. The kernel's notifications
 * are on only while the port is parked, so that a turn's own completions do not bring another one.
 */

import { setImmediate } from '../../base/runtime.js';
import { IORING_REGISTER_EVENTFD, IORING_UNREGISTER_EVENTFD } from '../../ffi/linux/io-uring.js';
import { Slab } from '../../ffi/memory.js';
import type { LoopWatch } from '../driver.js';
import { linuxErrors } from '../linux/errors.js';
import { DescriptorWatch } from '../linux/loop-watch.js';
import { WakeDescriptor } from '../linux/wake.js';
import type { Ring } from './ring.js';

export class RingWatch implements LoopWatch {
  readonly #ring: Ring;
  readonly #notified = new WakeDescriptor();
  readonly #watch: DescriptorWatch;
  readonly #onReady: () => void;
  #armed = false;
  #closed = false;

  constructor(ring: Ring, onReady: () => void, disabledFeatures: ReadonlySet<string>) {
    this.#ring = ring;
    this.#onReady = onReady;
    this.#watch = new DescriptorWatch(this.#notified.descriptor, onReady, {
      disabledFeatures,
      drain: () => this.#notified.take(),
    });
    // Last, as it fails least: a ring has one eventfd, and what is registered stays so when its descriptor is closed.
    const argument = new Slab(8);
    argument.i32[0] = this.#notified.descriptor;
    const result = ring.register(IORING_REGISTER_EVENTFD, argument, 1);
    if (result < 0) {
      this.#watch.close();
      throw linuxErrors.create(-result, 'io_uring_register');
    }
    this.#armed = true;
    this.disarm();
  }

  get kind(): string {
    return this.#watch.kind;
  }

  arm(): void {
    this.#watch.arm();
    if (!this.#armed) {
      this.#armed = true;
      this.#ring.setNotifying(true);
    }
    // What came before notifications were on brings none; the kernel marks it in memory before it looks at the switch.
    if (this.#ring.ready > 0 || (this.#ring.hasDeferred && this.#ring.retry.at === Infinity)) {
      setImmediate(() => this.#closed || this.#onReady());
    }
  }

  /** A turn begins: it looks for completions itself. */
  disarm(): void {
    if (this.#armed) {
      this.#armed = false;
      this.#ring.setNotifying(false);
    }
  }

  ref(): void {
    this.#watch.ref();
  }

  unref(): void {
    this.#watch.unref();
  }

  close(): void {
    this.#closed = true;
    this.#watch.close();
    this.#ring.register(IORING_UNREGISTER_EVENTFD, undefined, 0);
    this.#notified.close();
  }
}
