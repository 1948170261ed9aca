/** The place of the driver `node` in the event loop: Node calls it, so nothing has to be woken. */

import { clearImmediate, setImmediate } from '../../base/runtime.js';
import { Hold, Holder } from '../common/hold.js';
import type { LoopWatch } from '../driver.js';

export class NodeWatch extends Holder implements LoopWatch {
  readonly kind = "Node's own sockets";
  readonly #onReady: () => void;
  readonly #hasWork: () => boolean;
  readonly #onClose: () => void;
  #armed = false;
  #immediate: NodeJS.Immediate | undefined;
  readonly #turn = (): void => {
    this.#immediate = undefined;
    this.#onReady();
  };

  constructor(onReady: () => void, hasWork: () => boolean, onClose: () => void) {
    super(new Hold(() => undefined));
    this.#onReady = onReady;
    this.#hasWork = hasWork;
    this.#onClose = onClose;
  }

  arm(): void {
    this.#armed = true;
    if (this.#hasWork()) {
      this.ready();
    }
  }

  /**
   * A poll would bring something. The turn follows once Node has called all sockets that are ready, in the same iteration
   * of the event loop, so it takes the completions of all of them.
   */
  ready(): void {
    if (this.#armed) {
      this.#armed = false;
      this.#immediate = setImmediate(this.#turn);
    }
  }

  close(): void {
    this.#armed = false;
    if (this.#immediate !== undefined) {
      clearImmediate(this.#immediate);
      this.#immediate = undefined;
    }
    this.release();
    this.#onClose();
  }
}
