/** The load's process, on a processor of its own: it is given one order after the other, so that it too is warm. */

import { Child } from './child.js';
import { nodeCommand } from './contenders/node.js';
import type { LoadOrder, Sample } from './load/order.js';
import { built, LOAD_CPU } from './paths.js';

/** For connecting, and settling where memory is measured, of all that run at one time; beyond the time that is measured. */
const TIMEOUT_MS = 180_000;

export class LoadProcess {
  #child: Child | undefined;

  /** @throws Error that gives the reason; the next order then goes to another process */
  async obey(order: LoadOrder): Promise<Sample> {
    this.#child ??= new Child('The load', LOAD_CPU, nodeCommand(built('load/main.js')), { isTold: true });
    try {
      this.#child.tell(JSON.stringify(order));
      return JSON.parse(await this.#child.says(TIMEOUT_MS + order.warmUpMs + order.measureMs)) as Sample;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    await child?.stop();
  }
}
