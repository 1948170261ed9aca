/** Memory that several holders share, counted by references: the last one's release gives it back. */

import { assert } from '../assert.js';

export abstract class Held {
  /** @internal */
  references = 0;

  /** One more holder: each `retain` needs a `release` of its own. */
  retain(): void {
    assert(this.references > 0, 'Retain of a buffer that is released');
    this.references++;
  }

  /** The holder needs it no more. The last release gives it back. */
  release(): void {
    assert(this.references > 0, 'Release of a buffer that is released');
    this.references--;
    if (this.references === 0) {
      this.returned();
    }
  }

  /** @internal Nobody holds it any more. */
  protected abstract returned(): void;
}
