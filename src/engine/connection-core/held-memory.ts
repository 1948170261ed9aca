/**
 * The memory of received data that an engine holds: chunks of paused connections, unfinished messages, subscriptions to
 * topics. It counts memory, not bytes of the peer, and has a cap: above it the connection that holds the most is closed. A
 * closing connection holds nothing.
 */

import { OperationError } from '../../base/errors.js';
import { close } from './close.js';
import { type ConnectionRecord, sideOf } from './record.js';
import { CLOSING, QUOTA_SPENT, RECEIVING, STOPPED, STOPPING, STOPS_SOON } from './state.js';

/** Connections that hold less are no candidates for closing when the engine holds too much. */
const LARGE_BYTES = 16 * 1024;

export class HeldMemory {
  readonly bytesMax: number;
  /** Memory held on all connections. */
  bytes = 0;
  readonly #large = new Set<ConnectionRecord>();

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** A connection holds more than before, or less. With too much held, a connection is closed. */
  change(connection: ConnectionRecord, byteLength: number): void {
    if ((connection.flags & CLOSING) !== 0 || byteLength === 0) {
      return;
    }
    sideOf(connection).heldBytes += byteLength;
    this.bytes += byteLength;
    if (connection.heldBytes >= LARGE_BYTES) {
      this.#large.add(connection);
    } else {
      this.#large.delete(connection);
    }
    if (byteLength > 0) {
      this.#check(connection);
    }
  }

  #check(connection: ConnectionRecord): void {
    if (this.bytes > this.bytesMax) {
      close(
        this.mostHeld() ?? connection,
        'engine_held_full',
        heldFull(this.bytesMax, 'the engine may use (engineHeldBytesMax)'),
      );
    } else if (connection.heldBytes > heldBytesMaxOf(connection)) {
      close(
        connection,
        'held_full',
        heldFull(heldBytesMaxOf(connection), 'the connection may use (limits.heldBytesMax)'),
      );
    }
  }

  /** How much more the connection may hold. */
  roomOf(connection: ConnectionRecord): number {
    return Math.min(this.bytesMax - this.bytes, heldBytesMaxOf(connection) - connection.heldBytes);
  }

  /** The connection is closing: it lets go of everything. */
  forget(connection: ConnectionRecord): void {
    if (connection.heldBytes === 0) {
      return;
    }
    this.bytes -= connection.heldBytes;
    sideOf(connection).heldBytes = 0;
    this.#large.delete(connection);
  }

  /** The connection that holds the most memory. */
  mostHeld(): ConnectionRecord | undefined {
    let most: ConnectionRecord | undefined;
    for (const connection of this.#large) {
      if (most === undefined || connection.heldBytes > most.heldBytes) {
        most = connection;
      }
    }
    return most;
  }
}

/** The default leaves room for one message of the framing besides. */
function heldBytesMaxOf({ group, messages }: ConnectionRecord): number {
  const { heldBytesMax, heldBytesMaxGiven } = group.limits;
  return heldBytesMaxGiven || messages === undefined ? heldBytesMax : heldBytesMax + messages.frameBytesMax;
}

function heldFull(bytesMax: number, limit: string): OperationError {
  return new OperationError({
    code: 'ERR_HELD_BYTES_FULL',
    reason: `More than ${bytesMax} bytes of memory hold what was received, the most that ${limit}`,
    syscall: 'receive',
  });
}

/** The connection was paused, or waits for a handler: its receive ends unless it goes on before the next turn. */
export function stopSoon(connection: ConnectionRecord): void {
  if ((connection.flags & (RECEIVING | STOPPING | STOPS_SOON)) === RECEIVING) {
    connection.flags |= STOPS_SOON;
    connection.group.engine.scheduler.stopNext(connection);
  }
}

/** The next turn begins. */
export function stopIfPaused(connection: ConnectionRecord): void {
  connection.flags &= ~STOPS_SOON;
  if ((connection.flags & CLOSING) === 0 && (connection.flags & STOPPED & ~QUOTA_SPENT) !== 0) {
    stopReceiving(connection);
  }
}

/** Asks for the end of the receive in flight. */
export function stopReceiving(connection: ConnectionRecord): void {
  if ((connection.flags & (RECEIVING | STOPPING)) === RECEIVING) {
    connection.flags |= STOPPING;
    connection.group.engine.port.cancel(connection.socket, 'receive');
  }
}
