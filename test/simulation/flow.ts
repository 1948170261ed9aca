/** The known state of a connection's bytes: how many were written and received each way, and whether they are right. */

import { mismatch, PERIOD_BYTES } from './pattern.js';

/** An end of a connection, as far as the bytes that it sends are concerned. */
export interface Sender {
  readonly name: string;
  /** It has ended its stream, or is gone. */
  readonly done: boolean;
}

/** One direction of a connection. */
export class Flow {
  readonly #start: number;
  /** The flow whose bytes are sent on here. */
  copyOf: Flow | undefined = undefined;
  sender: Sender | undefined = undefined;
  /** Bytes that the sender wrote, and those that have come. */
  written = 0;
  received = 0;
  endSeen = false;

  constructor(start: number) {
    this.#start = start;
  }

  /** Where in the pattern the stream begins. */
  get start(): number {
    return this.copyOf?.start ?? this.#start;
  }

  /** Takes received bytes; returns the mistake in them. */
  take(bytes: Uint8Array): string | undefined {
    if (this.endSeen) {
      return 'bytes came behind the end';
    }
    const wrong = mismatch(this.start, this.received, bytes);
    this.received += bytes.byteLength;
    if (wrong === undefined && this.received > this.written) {
      return `${this.received} bytes came of ${this.written} that were written`;
    }
    return wrong;
  }

  /** Takes the end of the stream; returns the mistake in it. */
  end(): string | undefined {
    if (this.endSeen) {
      return 'the end came twice';
    }
    this.endSeen = true;
    if (this.sender?.done === false) {
      return 'the end came though the sender has not ended';
    }
    if (this.received !== this.written) {
      // A sender that is gone and has dropped something resets its connection: a stream that was cut never ends well.
      return `the end came after ${this.received} of ${this.written} bytes`;
    }
    return undefined;
  }
}

/** A connection with its two directions. */
export class Link {
  readonly up: Flow;
  readonly down: Flow;

  constructor(port: number) {
    this.up = new Flow((port * 7919) % PERIOD_BYTES);
    this.down = new Flow((port * 104_729 + 65_537) % PERIOD_BYTES);
  }
}
