/** The known state of a connection's bytes: how many were written and received each way, and whether they are right. */

import { mismatch, PERIOD_BYTES } from './pattern.js';

/** An end of a connection, as far as the bytes that it sends are concerned. */
export interface Sender {
  readonly name: string;
  /** It has ended its stream, or is gone. */
  readonly done: boolean;
  /** It is open, or was until its stream had ended both ways: a peer with TLS gets its close_notify, and no alert. */
  readonly leavesWell: boolean;
  /** With TLS, it has sent close_notify: without that, no stream has an end. */
  readonly hasSaidGoodbye: boolean;
}

/** One direction of a connection. */
export class Flow {
  readonly #start: number;
  readonly #isForeign: boolean;
  /** The flow whose bytes are sent on here. */
  copyOf: Flow | undefined = undefined;
  /** A middlebox may have changed bytes: TLS must notice, so that none of the wrong ones arrives. */
  harmed = false;
  sender: Sender | undefined = undefined;
  /** Bytes that the sender wrote, and those that have come. */
  written = 0;
  received = 0;
  /** The same with what a framing adds. */
  sentBytes = 0;
  arrivedBytes = 0;
  /** With a framing: the lengths of messages that were written and have not come. */
  readonly #lengths: number[] = [];
  endSeen = false;

  constructor(start: number, isForeign = false) {
    this.#start = start;
    this.#isForeign = isForeign;
  }

  /** The bytes are no stream of the scenario, or a copy of one that is not: they are not checked. */
  get isForeign(): boolean {
    return this.#isForeign || this.copyOf?.isForeign === true;
  }

  /** Where in the pattern the stream begins. */
  get start(): number {
    return this.copyOf?.start ?? this.#start;
  }

  /** Bytes are written, which a framing makes longer. */
  write(byteLength: number, framedBytes: number): void {
    this.written += byteLength;
    this.sentBytes += framedBytes;
    this.#lengths.push(byteLength);
  }

  /** Takes a message; returns the mistake in it. */
  takeMessage(message: Uint8Array, framedBytes: number): string | undefined {
    this.arrivedBytes += framedBytes;
    const length = this.#lengths.shift();
    return length === message.byteLength || this.isForeign
      ? this.take(message)
      : `a message of ${message.byteLength} bytes came instead of one of ${length}`;
  }

  /** Takes received bytes; returns the mistake in them. */
  take(bytes: Uint8Array): string | undefined {
    if (this.endSeen) {
      return 'bytes came behind the end';
    }
    const wrong = this.isForeign ? undefined : mismatch(this.start, this.received, bytes);
    this.received += bytes.byteLength;
    if (this.isForeign) {
      return undefined;
    }
    if (wrong === undefined && this.received > this.written) {
      return `${this.received} bytes came of ${this.written} that were written`;
    }
    return wrong;
  }

  /**
   * Takes the end of the stream; returns the mistake in it.
   * @param secured whether TLS was told of the end: a FIN, which anybody on the way can send, is none
   */
  end(secured = false): string | undefined {
    if (this.endSeen) {
      return 'the end came twice';
    }
    this.endSeen = true;
    if (this.isForeign) {
      return undefined;
    }
    if (this.sender?.done === false) {
      return 'the end came though the sender has not ended';
    }
    if (secured && this.sender?.hasSaidGoodbye === false) {
      return 'the end came though the sender has sent no close_notify';
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

  /** @param isForeign one end does not speak the protocol of the other: what it gets is not checked */
  constructor(port: number, isForeign = false) {
    this.up = new Flow((port * 7919) % PERIOD_BYTES, isForeign);
    this.down = new Flow((port * 104_729 + 65_537) % PERIOD_BYTES, isForeign);
  }

  /** A middlebox changes its bytes. */
  harm(): void {
    this.up.harmed = true;
    this.down.harmed = true;
  }
}
