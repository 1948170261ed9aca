/**
 * What happens at the echo server, told at most once a second. The first event of a while is told at once; what
 * follows within the second is told together.
 */

import { formatAddress, type OverlappedSocket } from '../index.js';

/** Time between two lines, in ms. */
export const LINE_INTERVAL_MS = 1000;

/** What happened since the last line. */
export interface Period {
  readonly opened: number;
  readonly closed: number;
  readonly messages: number;
  readonly bytes: number;
  /** The peer of the only connection that was opened, or closed; undefined when there were several, or none. */
  readonly openedAddress: string | undefined;
  readonly closedAddress: string | undefined;
  /** Bytes that came on the only connection that was closed. */
  readonly closedBytes: number;
  /** When it ended, in ms since the process began. */
  readonly endedAtMs: number;
}

/** Counts of the server, in all. */
export interface Totals {
  readonly opened: number;
  readonly closed: number;
  readonly messages: number;
  readonly bytes: number;
}

/**
 * The peer's address as people write it. It costs a system call, once for each socket, so it is asked for the first
 * connection of a period only: a line names no others.
 */
function peerOf(socket: OverlappedSocket): string {
  try {
    // Clients of a Unix socket have no name.
    return formatAddress(socket.remoteAddress()) || 'a client';
  } catch {
    // A connection that was reset has no address any more.
    return 'a client';
  }
}

export class Activity {
  /** Whether a line will be written; the server looks here before it says that something happened. */
  lineDue: boolean;
  readonly #totals: Totals;
  readonly #write: (period: Period) => void;
  #told: Totals = { opened: 0, closed: 0, messages: 0, bytes: 0 };
  #toldAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #openedAddress: string | undefined;
  #closedAddress: string | undefined;
  /** The address of a connection that is about to end was asked in this period. */
  #endingAsked = false;
  #closedBytes = 0;
  readonly #silent: boolean;

  /** @param write undefined to tell nothing */
  constructor(totals: Totals, write: ((period: Period) => void) | undefined) {
    this.#totals = totals;
    this.#silent = write === undefined;
    this.#write = write ?? (() => undefined);
    this.lineDue = this.#silent;
  }

  opened(socket: OverlappedSocket): void {
    if (!this.#silent && this.#totals.opened - this.#told.opened === 1) {
      this.#openedAddress = peerOf(socket);
    }
    this.happened();
  }

  /** The peer's stream has ended. Once ours has ended too, the system forgets the peer's address. */
  ending(socket: OverlappedSocket): void {
    if (!this.#silent && !this.#endingAsked) {
      this.#endingAsked = true;
      peerOf(socket);
    }
  }

  /** To be called before the socket is closed. */
  closed(socket: OverlappedSocket, bytes: number): void {
    if (!this.#silent && this.#totals.closed - this.#told.closed === 1) {
      this.#closedAddress = peerOf(socket);
      this.#closedBytes = bytes;
    }
    this.happened();
  }

  /** Something happened: a line will tell it. */
  happened(): void {
    if (this.lineDue) {
      return;
    }
    this.lineDue = true;
    const waitMs = Math.max(0, this.#toldAt + LINE_INTERVAL_MS - performance.now());
    this.#timer = setTimeout(() => this.flush(), Math.ceil(waitMs));
  }

  /** Tells at once what has not been told. */
  flush(): void {
    if (this.#timer === undefined) {
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { opened, closed, messages, bytes } = this.#totals;
    const told = this.#told;
    this.#told = { opened, closed, messages, bytes };
    const endedAtMs = performance.now();
    this.#toldAt = endedAtMs;
    this.lineDue = false;
    this.#write({
      opened: opened - told.opened,
      closed: closed - told.closed,
      messages: messages - told.messages,
      bytes: bytes - told.bytes,
      openedAddress: opened - told.opened === 1 ? this.#openedAddress : undefined,
      closedAddress: closed - told.closed === 1 ? this.#closedAddress : undefined,
      closedBytes: this.#closedBytes,
      endedAtMs,
    });
    this.#endingAsked = false;
  }
}
