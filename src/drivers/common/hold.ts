/** Keeps Node's process alive for started ports, and for what else needs the event loop, unless they are `unref`ed. */

import { TIMER_MS_MAX } from '../../base/clock.js';
import { clearInterval, setInterval } from '../../base/runtime.js';

/** Keeps the process alive while something is held. */
export class Hold {
  #holders = 0;
  #handle: NodeJS.Timeout | undefined;
  readonly #onChange: (held: boolean) => void;

  constructor(onChange: (held: boolean) => void) {
    this.#onChange = onChange;
  }

  get held(): boolean {
    return this.#holders > 0;
  }

  add(count: 1 | -1): void {
    const before = this.held;
    this.#holders += count;
    if (before === this.held) {
      return;
    }
    clearInterval(this.#handle);
    this.#handle = this.held ? setInterval(() => undefined, TIMER_MS_MAX) : undefined;
    this.#onChange(this.held);
  }
}

/** Keeps the process alive until `release`, unless it is `unref`ed. */
export class Holder {
  readonly #hold: Hold;
  #referenced = true;
  #released = false;

  constructor(hold: Hold) {
    this.#hold = hold;
    hold.add(1);
  }

  /** It keeps the process alive again. */
  ref(): void {
    this.#set(true);
  }

  /** It no longer keeps the process alive. */
  unref(): void {
    this.#set(false);
  }

  #set(referenced: boolean): void {
    if (!this.#released && this.#referenced !== referenced) {
      this.#referenced = referenced;
      this.#hold.add(referenced ? 1 : -1);
    }
  }

  /** It is over: it never keeps the process alive again. */
  release(): void {
    this.unref();
    this.#released = true;
  }
}
