/**
 * Accepts. One accept of the port keeps several AcceptEx calls posted, so that simultaneous connections do not wait for
 * each other, and posts each again that completes. AcceptEx needs the socket that it accepts into beforehand.
 */

import type { SocketAddress } from '../../base/address.js';
import { assert } from '../../base/assert.js';
import type { ForeignFunction } from '../../ffi/library.js';
import { sockaddr_in6 } from '../../ffi/sockaddr.js';
import {
  INVALID_SOCKET,
  SO_UPDATE_ACCEPT_CONTEXT,
  WSA_IO_PENDING,
  WSA_OPERATION_ABORTED,
} from '../../ffi/windows/constants.js';
import { kernel32 } from '../../ffi/windows/kernel32.js';
import { OVERLAPPED } from '../../ffi/windows/structs.js';
import { ws2_32 } from '../../ffi/windows/ws2_32.js';
import { decodeSockaddr } from '../common/sockaddr.js';
import type { CompletionSink } from '../driver.js';
import { numberOfStatus, windowsErrors } from '../windows/errors.js';
import { outlivingSlab } from '../windows/outliving-memory.js';
import { windowsAddresses } from '../windows/sockaddr.js';
import type { SocketRecord } from '../windows/socket-records.js';
import type { WindowsSockets } from '../windows/sockets.js';
import type { Extensions } from './extensions.js';
import { clearOverlapped } from './per-io-data.js';

/** Number of AcceptEx calls that one accept keeps posted (libuv's uv_simultaneous_server_accepts, 32). */
const ACCEPTS_POSTED = 32;

/** AcceptEx writes an address and needs 16 further bytes, for each end. */
const ADDRESS_BYTES = sockaddr_in6.size + 16;
/**
 * The memory of one AcceptEx: its OVERLAPPED, both addresses as the system writes them, the number of bytes received,
 * and pointers to the addresses with their lengths, which GetAcceptExSockaddrs writes.
 */
const RECORD = {
  overlapped: 0,
  addresses: OVERLAPPED.size,
  received: 120,
  local: 128,
  remote: 136,
  localLength: 144,
  remoteLength: 148,
  size: 192,
} as const;
assert(RECORD.addresses + 2 * ADDRESS_BYTES <= RECORD.received);

/** Temporary errors: no descriptor or no memory is free. */
const SHORTAGE = new Set(['EMFILE', 'ENOBUFS', 'ENOMEM']);

/** One accept of the port, with its AcceptEx calls. */
class AcceptSet {
  readonly slot: number;
  readonly generation: number;
  readonly listener: SocketRecord;
  readonly slab = outlivingSlab(ACCEPTS_POSTED * RECORD.size, 64);
  /** The socket of each call; INVALID_SOCKET if the call is not posted. */
  readonly handles = new Array<number>(ACCEPTS_POSTED).fill(INVALID_SOCKET);
  posted = 0;
  cancelled = false;

  constructor(slot: number, generation: number, listener: SocketRecord) {
    this.slot = slot;
    this.generation = generation;
    this.listener = listener;
  }
}

export class Accepts {
  readonly #sockets: WindowsSockets;
  readonly #extensions: Extensions;
  readonly #skipsSuccess: boolean;
  readonly #ws2_32 = ws2_32();
  readonly #sets: AcceptSet[] = [];
  /** Calls that completed immediately, and accepts that could not be posted: the next poll delivers them. */
  readonly #ready: { set: AcceptSet; index: number; status: number }[] = [];

  constructor(sockets: WindowsSockets, extensions: Extensions, skipsSuccess: boolean) {
    this.#sockets = sockets;
    this.#extensions = extensions;
    this.#skipsSuccess = skipsSuccess;
  }

  post(slot: number, generation: number, socket: number): void {
    const set = new AcceptSet(slot, generation, this.#sockets.records.of(socket));
    this.#sets.push(set);
    const number = this.#postMissing(set);
    if (set.posted === 0) {
      this.#ready.push({ set, index: -1, status: number });
    }
  }

  /** Number of completions and failures that `deliverReady` can deliver. */
  get readyCount(): number {
    return this.#ready.length;
  }

  /** Posts the calls that are not posted; returns the error number that stopped it, or 0. */
  #postMissing(set: AcceptSet): number {
    for (let index = 0; index < ACCEPTS_POSTED; index++) {
      if (set.handles[index] === INVALID_SOCKET) {
        const number = this.#postOne(set, index);
        if (number !== 0) {
          return number;
        }
      }
    }
    return 0;
  }

  #postOne(set: AcceptSet, index: number): number {
    const handle = this.#sockets.open(set.listener.family);
    if (handle < 0) {
      return -handle;
    }
    const offset = index * RECORD.size;
    clearOverlapped(set.slab.i32, (offset + RECORD.overlapped) >> 2);
    const record = set.slab.address + offset;
    const AcceptEx = this.#extensions.of(set.listener).AcceptEx as ForeignFunction;
    const output = record + RECORD.addresses;
    // Without bytes to receive it completes when the connection is established, not when the client first sends.
    const done = AcceptEx(
      set.listener.handle,
      handle,
      output,
      0,
      ADDRESS_BYTES,
      ADDRESS_BYTES,
      record + RECORD.received,
      record + RECORD.overlapped,
    );
    const number = done === 0 ? this.#ws2_32.WSAGetLastError() : 0;
    if (number !== 0 && number !== WSA_IO_PENDING) {
      this.#sockets.closeHandle(handle);
      return number;
    }
    set.handles[index] = handle;
    set.posted++;
    if (number === 0 && this.#skipsSuccess) {
      this.#ready.push({ set, index, status: 0 });
    }
    return 0;
  }

  /** Delivers up to `completionsMax` ready completions and failures; returns how many. */
  deliverReady(sink: CompletionSink, completionsMax: number): number {
    const ready = this.#ready.splice(0, completionsMax);
    for (const { set, index, status } of ready) {
      if (index < 0) {
        this.#end(sink, set, status);
      } else {
        this.#completed(sink, set, index, status);
      }
    }
    return ready.length;
  }

  /** Handles the completion of an OVERLAPPED; returns false if it is not one of an accept. */
  complete(sink: CompletionSink, overlapped: number): boolean {
    for (const set of this.#sets) {
      const offset = overlapped - set.slab.address;
      if (offset >= 0 && offset < set.slab.byteLength) {
        assert(offset % RECORD.size === RECORD.overlapped);
        const status = set.slab.i32[(offset + OVERLAPPED.Internal) >> 2] as number;
        this.#completed(sink, set, offset / RECORD.size, numberOfStatus(status));
        return true;
      }
    }
    return false;
  }

  #completed(sink: CompletionSink, set: AcceptSet, index: number, number: number): void {
    const handle = set.handles[index] as number;
    assert(handle !== INVALID_SOCKET);
    set.handles[index] = INVALID_SOCKET;
    set.posted--;
    if (number === 0 && set.listener.handle !== INVALID_SOCKET) {
      this.#sockets.updateContext(handle, SO_UPDATE_ACCEPT_CONTEXT, set.listener.handle);
      const socket = this.#sockets.addAccepted(handle, set.listener, this.#remoteAddress(set, index));
      sink.complete(set.slot, set.generation, socket, true, -1);
    } else {
      // The client reset the connection before it was accepted: wait for the next one instead.
      this.#sockets.closeHandle(handle);
    }
    const failed = set.cancelled ? WSA_OPERATION_ABORTED : this.#postMissing(set);
    if (set.posted === 0) {
      this.#end(sink, set, failed);
    } else if (failed !== 0 && !set.cancelled && !SHORTAGE.has(windowsErrors.codeOf(failed))) {
      this.#cancelAll(set);
    }
  }

  #end(sink: CompletionSink, set: AcceptSet, number: number): void {
    assert(set.posted === 0);
    assert(number !== 0);
    this.#sets.splice(this.#sets.indexOf(set), 1);
    sink.complete(set.slot, set.generation, -number, false, -1);
  }

  #remoteAddress(set: AcceptSet, index: number): SocketAddress {
    const { slab } = set;
    const offset = index * RECORD.size;
    const record = slab.address + offset;
    const GetAcceptExSockaddrs = this.#extensions.of(set.listener).GetAcceptExSockaddrs as ForeignFunction;
    const output = record + RECORD.addresses;
    const [local, localLength] = [record + RECORD.local, record + RECORD.localLength];
    const [remote, remoteLength] = [record + RECORD.remote, record + RECORD.remoteLength];
    GetAcceptExSockaddrs(output, 0, ADDRESS_BYTES, ADDRESS_BYTES, local, localLength, remote, remoteLength);
    const start = slab.addressAt(offset + RECORD.remote) - slab.address;
    const byteLength = slab.u32[(offset + RECORD.remoteLength) >> 2] as number;
    return decodeSockaddr(windowsAddresses, slab, start, byteLength);
  }

  cancel(slot: number, generation: number): void {
    const set = this.#sets.find((each) => each.slot === slot && each.generation === generation);
    if (set !== undefined) {
      this.#cancelAll(set);
    }
  }

  #cancelAll(set: AcceptSet): void {
    set.cancelled = true;
    // Closing a listener cancels its calls.
    if (set.listener.handle !== INVALID_SOCKET) {
      kernel32().CancelIoEx(set.listener.handle, 0);
    }
  }
}
