/**
 * Sends. In the main thread each is an overlapped WSASend. In a worker, which can be terminated, a send that does not wait
 * comes first, and only what there is no room for is posted, as a copy that outlives the worker.
 */

import { isMainThread } from 'node:worker_threads';
import type { OperationError } from '../../base/errors.js';
import { Slab } from '../../ffi/memory.js';
import { WSA_IO_PENDING, WSAENOBUFS, WSAEWOULDBLOCK } from '../../ffi/windows/constants.js';
import { WSABUF } from '../../ffi/windows/structs.js';
import { ws2_32 } from '../../ffi/windows/ws2_32.js';
import { type BufferList, GATHER_PIECES_MAX } from '../driver.js';
import { setWsabuf, setWsabufs } from '../windows/messages.js';
import type { WindowsSockets } from '../windows/sockets.js';
import type { PerIoRecord } from './per-io-data.js';
import { SendCopies } from './send-copies.js';

/** Maximum bytes of one send: its pages stay locked, and only its end shows progress. The layer above sends the rest. */
const LOCKED_BYTES_MAX = 256 * 1024;

export class Sends {
  readonly #sockets: WindowsSockets;
  readonly #skipsSuccess: boolean;
  readonly #ws2_32 = ws2_32();
  /** WSABUFs of one call: Winsock has copied them when it returns (WSASend, "Remarks"). */
  readonly #wsabufs = new Slab(GATHER_PIECES_MAX * WSABUF.size);
  /** The bytes that WSASend has sent. */
  readonly #sent = new Slab(4);
  readonly #copies = isMainThread ? undefined : new SendCopies();

  constructor(sockets: WindowsSockets, skipsSuccess: boolean) {
    this.#sockets = sockets;
    this.#skipsSuccess = skipsSuccess;
  }

  /** Sends bytes at an address. Returns what `gather` returns. */
  one(operation: PerIoRecord, address: number, byteLength: number): number | undefined {
    setWsabuf(this.#wsabufs, 0, address, Math.min(byteLength, LOCKED_BYTES_MAX));
    return this.#send(operation, 1);
  }

  /**
   * Sends several pieces of memory. Returns the bytes that were sent at once or an error, negated; undefined if a packet
   * will report the end.
   */
  gather(operation: PerIoRecord, pieces: BufferList): number | undefined {
    return this.#send(operation, setWsabufs(this.#wsabufs, 0, pieces, LOCKED_BYTES_MAX));
  }

  /** The send has ended. */
  ended(operation: PerIoRecord): void {
    if (operation.copy !== 0) {
      this.#copies?.release(operation.copy);
      operation.copy = 0;
    }
  }

  /** Sends the first `count` of the WSABUFs. */
  #send(operation: PerIoRecord, count: number): number | undefined {
    if (this.#copies === undefined) {
      return this.#post(operation, count);
    }
    const result = this.#call(operation, count, 0);
    if (result !== -WSAEWOULDBLOCK) {
      return result;
    }
    try {
      operation.copy = this.#copies.take(this.#wsabufs, count);
    } catch (error) {
      if ((error as OperationError).code !== 'ENOMEM') {
        throw error;
      }
      // The layer above tries again.
      return -WSAENOBUFS;
    }
    return this.#post(operation, 1);
  }

  #post(operation: PerIoRecord, count: number): number | undefined {
    const result = this.#call(operation, count, operation.address);
    const pending = result === -WSA_IO_PENDING || (result >= 0 && !this.#skipsSuccess);
    return pending ? undefined : result;
  }

  /** @param overlapped 0 for a call that does not wait */
  #call({ socket }: PerIoRecord, count: number, overlapped: number): number {
    const { handle } = this.#sockets.records.of(socket);
    const { address, u32 } = this.#sent;
    const failed = this.#ws2_32.WSASend(handle, this.#wsabufs.address, count, address, 0, overlapped, 0) !== 0;
    return failed ? -this.#ws2_32.WSAGetLastError() : (u32[0] as number);
  }
}
