/**
 * Sockets by numbers of our own. A SOCKET is a handle, whose values have gaps, and a listener's handle must be closed
 * to stop it listening, while its operations are still in flight. A number stays in use until `remove`.
 */

import type { SocketAddress, SocketFamily } from '../../base/address.js';
import { assert } from '../../base/assert.js';
import { INVALID_SOCKET } from '../../ffi/windows/constants.js';
import type { SocketOption } from '../driver.js';

export class SocketRecord {
  readonly family: SocketFamily;
  /** The system's SOCKET; INVALID_SOCKET once it is closed. */
  handle: number;
  /** Whether it has a local address. */
  bound = false;
  /** Whether a non-blocking connect is in progress. */
  connecting = false;
  /** A listener's options, which are set on the sockets that it accepts. */
  options: Map<SocketOption, number> | undefined = undefined;
  /** The peer's address, if accept returned it. */
  remoteAddress: SocketAddress | undefined = undefined;

  constructor(handle: number, family: SocketFamily) {
    this.handle = handle;
    this.family = family;
  }
}

export class SocketRecords {
  readonly #records: (SocketRecord | undefined)[] = [];
  readonly #free: number[] = [];

  add(record: SocketRecord): number {
    assert(record.handle !== INVALID_SOCKET);
    const socket = this.#free.pop() ?? this.#records.length;
    this.#records[socket] = record;
    return socket;
  }

  of(socket: number): SocketRecord {
    const record = this.#records[socket];
    assert(record !== undefined);
    return record;
  }

  remove(socket: number): void {
    assert(this.#records[socket] !== undefined);
    this.#records[socket] = undefined;
    this.#free.push(socket);
  }
}
