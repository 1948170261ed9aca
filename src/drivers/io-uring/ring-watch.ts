/**
 * Watches a ring in Node's event loop. With DEFER_TASKRUN the ring's own descriptor does not wake an epoll when the
 * kernel defers work (seen on kernel 6.18), but an eventfd that is registered with the ring is written then. The
 * kernel's notifications are on only while the port is parked, so that a turn's own completions do not bring another
 * turn.
 */

import { setImmediate } from '../../base/runtime.js';
import { IORING_REGISTER_EVENTFD, IORING_UNREGISTER_EVENTFD } from '../../ffi/linux/io-uring.js';
import { Slab } from '../../ffi/memory.js';
import type { OnReady } from '../driver.js';
import { DescriptorWatch } from '../linux/descriptor-watch.js';
import { linuxErrors } from '../linux/errors.js';
import type { LinuxLoopWait } from '../linux/loop-wait.js';
import { WakeEvent } from '../linux/wake.js';
import type { Ring } from './ring.js';

export class RingWatch extends DescriptorWatch {
  readonly #ring: Ring;
  readonly #notified: WakeEvent;
  readonly #onReady: OnReady;
  #armed = false;
  #closed = false;

  constructor(
    ring: Ring,
    onReady: OnReady,
    disabledFeatures: ReadonlySet<string>,
    wait: LinuxLoopWait | undefined,
    notified: WakeEvent = new WakeEvent(),
  ) {
    super(notified.descriptor, onReady, { disabledFeatures, drain: () => notified.take(), wait });
    this.#ring = ring;
    this.#onReady = onReady;
    this.#notified = notified;
    // Last, because it is the least likely to fail: a ring has one eventfd, and it stays registered after its
    // descriptor is closed.
    const argument = new Slab(4);
    argument.i32[0] = notified.descriptor;
    const result = ring.register(IORING_REGISTER_EVENTFD, argument, 1);
    if (result < 0) {
      super.close();
      throw linuxErrors.create(-result, 'io_uring_register');
    }
    this.#armed = true;
    this.disarm();
  }

  override arm(): void {
    super.arm();
    if (!this.#armed) {
      this.#armed = true;
      this.#ring.setNotifying(true);
    }
    // A completion from before the switch brings no notification, but the kernel has marked it in memory by then.
    if (this.#ring.ready > 0 || (this.#ring.hasDeferred && this.#ring.retry.at === Infinity)) {
      setImmediate(() => this.#closed || this.#onReady());
    }
  }

  /** Switches notifications off: a turn begins, and reads completions itself. */
  disarm(): void {
    if (this.#armed) {
      this.#armed = false;
      this.#ring.setNotifying(false);
    }
  }

  override close(): void {
    this.#closed = true;
    super.close();
    this.#ring.register(IORING_UNREGISTER_EVENTFD, undefined, 0);
    this.#notified.close();
  }
}
