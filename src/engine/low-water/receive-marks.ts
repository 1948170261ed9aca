/**
 * Receive low-water marks (SO_RCVLOWAT): the system wakes the thread for a connection once many bytes have arrived, instead
 * of for each piece. Fewer wake-ups halve the CPU of a fast stream of bytes.
 *
 * Bytes below a mark are not seen. Therefore a mark is never higher than what the program waits for anyway, the missing
 * bytes of a message, or it is lowered after a moment, in a stream of bytes. The peer's end, a reset, and a receive buffer
 * that is nearly full complete a receive at once (`tcp_epollin_ready` in the kernel's include/net/tcp.h).
 */

import { close } from '../connection-core/close.js';
import { errorOf } from '../connection-core/handler-table.js';
import type { ConnectionRecord, LowWaterMarks } from '../connection-core/record.js';
import { CLOSING } from '../connection-core/state.js';
import { RoundList } from '../scheduling/round-list.js';
import { Mark, NO_MARK, StreamMark } from './mark.js';

/** The system's memory that the marks of an engine may fill. Further connections have no mark: peers choose the marks. */
const RAISED_BYTES_MAX = 64 * 1024 * 1024;

/** The time of the current round, by the port's clock. */
interface Now {
  readonly now: number;
}

export class ReceiveMarks implements LowWaterMarks {
  readonly #clock: Now;
  readonly #marks = new Map<ConnectionRecord, Mark>();
  /** Marks that are to be set at the end of the round. */
  readonly #changed = new RoundList<Mark>();
  readonly #raised = new Set<Mark>();
  #raisedBytes = 0;
  /** The system has refused a mark, as the kernels of some sandboxes do: there are no more of them. */
  #refused = false;
  /** When the next mark may have to be lowered. */
  #dueAt = Infinity;
  readonly #setOne = (mark: Mark): void => this.#set(mark);

  constructor(clock: Now) {
    this.#clock = clock;
  }

  /** When `lowerDue` must be called although nothing is received, by the clock; Infinity when no mark is raised. */
  get dueAt(): number {
    return this.#dueAt;
  }

  get some(): boolean {
    return this.#marks.size > 0;
  }

  awaits(connection: ConnectionRecord, missingBytes: number): boolean {
    const mark = this.#marks.get(connection) ?? this.#add(connection, new Mark(connection));
    mark?.awaits(missingBytes, this.#clock.now);
    this.#note(mark);
    return mark?.concerned === true;
  }

  streamed(connection: ConnectionRecord, byteLength: number): void {
    const mark = this.#marks.get(connection) ?? this.#add(connection, new StreamMark(connection));
    if (mark instanceof StreamMark) {
      mark.streamed(byteLength, this.#clock.now);
      this.#note(mark);
    }
  }

  #add(connection: ConnectionRecord, mark: Mark): Mark | undefined {
    const { group, socket, flags } = connection;
    // The system holds nothing back on Unix sockets (`unix_poll` in its net/unix/af_unix.c).
    const possible = socket.home.calls.hasReceiveLowWater && socket.family !== 'unix';
    if (!possible || group.limits.receiveLowWaterBytesMax === NO_MARK || (flags & CLOSING) !== 0) {
      return undefined;
    }
    this.#marks.set(connection, mark);
    return mark;
  }

  #note(mark: Mark | undefined): void {
    if (mark !== undefined && mark.wanted !== mark.bytes && !mark.noted) {
      mark.noted = true;
      this.#changed.push(mark);
    }
  }

  lower(connection: ConnectionRecord): boolean {
    const mark = this.#marks.get(connection);
    if (mark === undefined || mark.bytes === NO_MARK) {
      return false;
    }
    mark.wanted = NO_MARK;
    this.#set(mark);
    return true;
  }

  forget(connection: ConnectionRecord): void {
    const mark = this.#marks.get(connection);
    if (mark !== undefined) {
      this.#marks.delete(connection);
      this.#raised.delete(mark);
      this.#raisedBytes -= mark.bytes - NO_MARK;
      mark.bytes = NO_MARK;
      mark.wanted = NO_MARK;
    }
  }

  /** Everything that was dequeued is dispatched: sets the marks that have changed. */
  roundOver(): void {
    this.#changed.drain(this.#setOne);
  }

  /** Lowers the marks that are due. @param at when completions were dequeued last: what had arrived by then is dispatched */
  lowerDue(at: number): void {
    if (this.#dueAt > at) {
      return;
    }
    let next = Infinity;
    for (const mark of this.#raised) {
      if (mark.dueAt <= at) {
        mark.gaveUp();
        this.#set(mark);
      } else {
        next = Math.min(next, mark.dueAt);
      }
    }
    this.#dueAt = next;
  }

  /** Sets the mark in the system. */
  #set(mark: Mark): void {
    const { connection, bytes } = mark;
    mark.noted = false;
    const more = mark.wanted - bytes;
    if (more > 0 && (this.#refused || this.#raisedBytes + more > RAISED_BYTES_MAX)) {
      mark.wanted = bytes;
    }
    if (mark.wanted === bytes || (connection.flags & CLOSING) !== 0) {
      return;
    }
    try {
      connection.socket.setOption('receiveLowWaterBytes', mark.wanted);
    } catch (error) {
      this.#refused = true;
      mark.wanted = bytes;
      if (bytes !== NO_MARK) {
        // A mark that cannot be changed would hold bytes back for ever.
        close(connection, 'error', errorOf(error));
      }
      return;
    }
    this.#raisedBytes += more;
    mark.bytes = mark.wanted;
    if (mark.bytes === NO_MARK) {
      this.#raised.delete(mark);
      if (this.#raised.size === 0) {
        this.#dueAt = Infinity;
      }
    } else {
      this.#raised.add(mark);
      this.#dueAt = Math.min(this.#dueAt, mark.dueAt);
    }
  }
}
