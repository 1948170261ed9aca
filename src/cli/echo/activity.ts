/**
 * What happens at the echo server, told at most once a second. The first event of a while is told at once; what
 * follows within the second is told together.
 */

import { clearTimeout, performanceNow, setTimeout } from '../../base/runtime.js';
import { type Connection, formatAddress } from '../../index.js';

/** Time between two lines, in ms. */
export const LINE_INTERVAL_MS = 1000;

/** Counts of the server, in all. */
export interface Totals {
  readonly opened: number;
  readonly closed: number;
  readonly messages: number;
  readonly bytes: number;
}

/** What happened since the last line. */
export interface Period extends Totals {
  /** The peer of the only connection that was opened, or closed; undefined when there were several, or none. */
  readonly openedAddress: string | undefined;
  readonly closedAddress: string | undefined;
  /** Bytes that came on the only connection that was closed. */
  readonly closedBytes: number;
  /** When it ended, in ms since the process began. */
  readonly endedAtMs: number;
}

type Peer = Pick<Connection, 'remoteAddress' | 'bytesRead'>;

/**
 * The peer's address as people write it. It costs a system call, once for each connection, so it is asked for the first
 * connection of a period only: a line names no others.
 */
function peerOf(connection: Peer): string {
  try {
    // Clients of a Unix socket have no name.
    return formatAddress(connection.remoteAddress) || 'a client';
  } catch {
    // A connection that was reset has no address any more.
    return 'a client';
  }
}

export class Activity {
  /** Whether a line will be written; the server looks here before it says that something happened. */
  lineDue: boolean;
  readonly #write: (period: Period, totals: Totals) => void;
  readonly #silent: boolean;
  #totalsNow: () => Totals = () => this.#told;
  #told: Totals = { opened: 0, closed: 0, messages: 0, bytes: 0 };
  #toldAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** Of the first connection of the period that was opened, and closed. */
  #openedAddress: string | undefined;
  #closedAddress: string | undefined;
  #closedBytes = 0;
  /** The address of a connection that is about to end was asked in this period. */
  #endingAsked = false;

  /** @param write undefined to tell nothing */
  constructor(write: ((period: Period, totals: Totals) => void) | undefined) {
    this.#silent = write === undefined;
    this.#write = write ?? (() => undefined);
    this.lineDue = this.#silent;
  }

  /** Whose activity it is. */
  of(totalsNow: () => Totals): void {
    this.#totalsNow = totalsNow;
  }

  opened(connection: Peer): void {
    if (!this.#silent) {
      this.#openedAddress ??= peerOf(connection);
    }
    this.happened();
  }

  /** One side's stream has ended. Once both have, the system forgets the peer's address. */
  ending(connection: Peer): void {
    if (!this.#silent && !this.#endingAsked) {
      this.#endingAsked = true;
      peerOf(connection);
    }
  }

  closed(connection: Peer): void {
    if (!this.#silent && this.#closedAddress === undefined) {
      this.#closedAddress = peerOf(connection);
      this.#closedBytes = connection.bytesRead;
    }
    this.happened();
  }

  /** Something happened: a line will tell it. */
  happened(): void {
    if (this.lineDue) {
      return;
    }
    this.lineDue = true;
    const waitMs = Math.max(0, this.#toldAt + LINE_INTERVAL_MS - performanceNow());
    this.#timer = setTimeout(() => this.flush(), Math.ceil(waitMs));
  }

  /** Tells at once what has not been told. */
  flush(): void {
    if (this.#timer === undefined) {
      return;
    }
    clearTimeout(this.#timer);
    const told = this.#told;
    const totals = this.#totalsNow();
    const opened = totals.opened - told.opened;
    const closed = totals.closed - told.closed;
    const period: Period = {
      opened,
      closed,
      messages: totals.messages - told.messages,
      bytes: totals.bytes - told.bytes,
      openedAddress: opened === 1 ? this.#openedAddress : undefined,
      closedAddress: closed === 1 ? this.#closedAddress : undefined,
      closedBytes: this.#closedBytes,
      endedAtMs: performanceNow(),
    };
    this.#begin(totals, period.endedAtMs);
    this.#write(period, totals);
  }

  /** Begins another period. */
  #begin(totals: Totals, toldAt: number): void {
    this.#told = totals;
    this.#toldAt = toldAt;
    this.#timer = undefined;
    this.lineDue = false;
    this.#openedAddress = undefined;
    this.#closedAddress = undefined;
    this.#endingAsked = false;
  }
}
