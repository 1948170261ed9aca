/**
 * Sockets by numbers of our own. A SOCKET is a handle, with gaps between its values, and a listener's must be closed at
 * once to stop it listening, while its operations still end: so a number stays taken until it is given back.
 */

import type { SocketAddress, SocketFamily } from '../../base/address.js';
import { assert } from '../../base/assert.js';
import { INVALID_SOCKET } from '../../ffi/windows/constants.js';
import type { SocketOption } from '../driver.js';

export class SocketRecord {
  readonly family: SocketFamily;
  /** The system's SOCKET; INVALID_SOCKET when it is closed. */
  handle: number;
  /** Whether it has a local address. */
  bound = false;
  /** Whether a connect that does not block goes on. */
  connecting = false;
  /** A listener's options, which the sockets that it accepts are to have. */
  options: Map<SocketOption, number> | undefined = undefined;
  /** Where it is connected to, when accepting it told that. */
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
