/**
 * Reports the activity of the echo server, at most once a second. The first event after a quiet second is reported at
 * once; events that follow within the second are reported together.
 */

import { clearTimeout, performanceNow, setTimeout } from '../../base/runtime.js';
import { type Connection, formatAddress } from '../../index.js';

/** The shortest time between two lines, in ms. */
export const LINE_INTERVAL_MS = 1000;

/** Counts of the server since its start. */
export interface Totals {
  readonly opened: number;
  readonly closed: number;
  readonly messages: number;
  readonly bytes: number;
}

/** Counts since the last line. */
export interface Period extends Totals {
  /** The peer of the only connection that was opened, or closed; undefined if there were several, or none. */
  readonly openedAddress: string | undefined;
  readonly closedAddress: string | undefined;
  /** Bytes received on the only connection that was closed. */
  readonly closedBytes: number;
  /** The end of the period, in ms since the process began. */
  readonly endedAtMs: number;
}

type Peer = Pick<Connection, 'remoteAddress' | 'bytesRead'>;

/**
 * The peer's address as text. It costs a system call for each connection, so only the first connection of a period is
 * asked: a line names no others.
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
  /** A line will be written. The server checks this before it calls `happened`. */
  lineDue: boolean;
  readonly #write: (period: Period, totals: Totals) => void;
  readonly #silent: boolean;
  #totalsNow: () => Totals = () => this.#reported;
  #reported: Totals = { opened: 0, closed: 0, messages: 0, bytes: 0 };
  #reportedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** Addresses of the first connection that was opened in this period, and of the first that was closed. */
  #openedAddress: string | undefined;
  #closedAddress: string | undefined;
  #closedBytes = 0;
  /** The address of a connection that is about to end was read in this period. */
  #endingAsked = false;

  /** @param write undefined to report nothing */
  constructor(write: ((period: Period, totals: Totals) => void) | undefined) {
    this.#silent = write === undefined;
    this.#write = write ?? (() => undefined);
    this.lineDue = this.#silent;
  }

  /** Sets the source of the counts. */
  of(totalsNow: () => Totals): void {
    this.#totalsNow = totalsNow;
  }

  opened(connection: Peer): void {
    if (!this.#silent) {
      this.#openedAddress ??= peerOf(connection);
    }
    this.happened();
  }

  /** One side of a connection has ended: reads its address, which the system forgets once both sides have. */
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

  /** Something happened: schedules a line. */
  happened(): void {
    if (this.lineDue) {
      return;
    }
    this.lineDue = true;
    const waitMs = Math.max(0, this.#reportedAt + LINE_INTERVAL_MS - performanceNow());
    this.#timer = setTimeout(() => this.flush(), Math.ceil(waitMs));
  }

  /** Writes a scheduled line now. */
  flush(): void {
    if (this.#timer === undefined) {
      return;
    }
    clearTimeout(this.#timer);
    const reported = this.#reported;
    const totals = this.#totalsNow();
    const opened = totals.opened - reported.opened;
    const closed = totals.closed - reported.closed;
    const period: Period = {
      opened,
      closed,
      messages: totals.messages - reported.messages,
      bytes: totals.bytes - reported.bytes,
      openedAddress: opened === 1 ? this.#openedAddress : undefined,
      closedAddress: closed === 1 ? this.#closedAddress : undefined,
      closedBytes: this.#closedBytes,
      endedAtMs: performanceNow(),
    };
    this.#begin(totals, period.endedAtMs);
    this.#write(period, totals);
  }

  /** Starts the next period. */
  #begin(totals: Totals, reportedAt: number): void {
    this.#reported = totals;
    this.#reportedAt = reportedAt;
    this.#timer = undefined;
    this.lineDue = false;
    this.#openedAddress = undefined;
    this.#closedAddress = undefined;
    this.#endingAsked = false;
  }
}
