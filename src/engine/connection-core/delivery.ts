/** The chunk that a handler is called with now: what writes it back, or returns a promise, must find its memory. */

import type { Buffer } from 'node:buffer';
import type { LentBuffer } from '../../base/lent-memory.js';

export class Delivery {
  /** The chunk, for a handler `data`: a write of it copies nothing. */
  chunk: Buffer | undefined = undefined;
  /** Its length. The program can detach a chunk that is a copy. */
  chunkBytes = 0;
  /** The receive buffer, or memory of TLS, that begins with the chunk; undefined when it is a copy. */
  buffer: LentBuffer | undefined = undefined;
  /** Memory of a chunk that is a copy. */
  copiedBytes = 0;
  /** Whether handlers are known to return promises, and so to keep what they are lent. */
  handlersAwait: boolean;

  constructor(handlersAwait: boolean) {
    this.handlersAwait = handlersAwait;
  }
}
